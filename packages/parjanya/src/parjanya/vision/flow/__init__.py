"""The device flow: how pictures reach a model that sits on one device, whatever the model.

``device`` is what a model has to offer, ``plan`` the pure decisions (what goes into the next batch, what the next budget is),
``worn`` when a process should be replaced, ``feeder`` the threads that prepare, ``flow`` the loop that joins them.
"""
