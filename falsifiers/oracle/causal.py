"""The class of a language model, by the name that its own config.json gives.

transformers' table of such classes leaves some of them out.
"""

import transformers
from transformers import PretrainedConfig, PreTrainedModel


def class_of(config: PretrainedConfig) -> type[PreTrainedModel]:
    """The class that `architectures` names."""
    (name,) = config.architectures
    return getattr(transformers, name)
