"""Reading sentences as transformers does, the reference of all faster ways."""

import torch


def plain_logits(model, sentences):
    """Return logits (n, habitat) of transformers' own forward pass."""
    ids, mask = model.tokens.encode(sentences)
    with torch.inference_mode():
        return model.network(
            input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)
        ).logits
