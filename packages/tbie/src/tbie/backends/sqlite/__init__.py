"""The embedded stores: two SQLite files (Truth durable, Intent rebuildable), a directory of objects, processes.

Truth and Intent never share a transaction: that is the point. Writers queue on a lock file, because SQLite's own busy
waiting starves some of them for a second (measured) while a queue keeps everybody within milliseconds.
"""
