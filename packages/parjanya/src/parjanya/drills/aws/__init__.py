"""The same incidents where the stores are AWS's: injected through AWS's own interfaces, against a local server of them.

Imported for ``parjanya drill --profile aws`` and its tests alone: it needs the extra ``parjanya[aws]`` and the local server.
"""
