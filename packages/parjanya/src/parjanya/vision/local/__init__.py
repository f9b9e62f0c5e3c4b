"""The engine ``transformers``: a Qwen3-VL model in this process, decoded under the schema of observations.

Callers: the composition root makes a ``TransformersEngine`` from ``LocalSettings``. It needs the extra ``transformers`` (torch,
transformers, llguidance); nothing of that is imported before a model is loaded, so that the engine can be declared, and its
identity computed, where none of it is installed. The package is not called ``transformers``, so that nobody has to ask which
of the two an import means.

- ``folder``    what a model folder must hold, checked without torch
- ``pixels``    a preview becomes patches: our own pre-processing
- ``prompt``    the tokens around a picture, and where each stands
- ``grammar``   which tokens may come next, which must, and where a grade is being given
- ``decode``    the loop on the device
- ``load``      the folder becomes a model
- ``memory``    what fits, and what an allocation that failed looks like
- ``model``     all of it behind the protocol of ``parjanya.vision.flow.device``
- ``engine``    that and the flow behind the protocol of ``parjanya.vision.engine``
"""
