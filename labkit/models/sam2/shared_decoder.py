"""SAM2's mask decoder for many objects of one frame, with what they share computed once.

The formulas are those of ``sam2.modeling.sam.mask_decoder.MaskDecoder`` and of its two-way
transformer, with the model's own weights; the results are equal within rounding. Four things make
it faster: the first layer's image side is the same for all objects; the heads of an attention are
laid out block by block in one matrix, so that nothing is copied; its output projection, bias and
residual are one matrix product; and upscaling keeps channels last, which makes each transposed
convolution a matrix product, and reorders pixels only in the finished masks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from sam2.modeling.sam2_base import SAM2Base

    from labkit.models.sam2.embed import Sam2Embedding

__all__ = ["decode_shared", "suits"]


def suits(model: SAM2Base) -> bool:
    """Whether the model's decoder is the stock one; no other can be computed here."""
    from sam2.modeling.sam.mask_decoder import MaskDecoder
    from sam2.modeling.sam.transformer import TwoWayTransformer

    decoder = model.sam_mask_decoder
    return (
        type(decoder) is MaskDecoder
        and type(decoder.transformer) is TwoWayTransformer
        and decoder.use_high_res_features
    )


def decode_shared(
    model: SAM2Base, embedding: Sam2Embedding, sparse: torch.Tensor, *, several: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Masks of objects that are pointed at without an earlier mask.

    Parameters
    ----------
    model : SAM2Base
        One that :func:`suits`.
    embedding : Sam2Embedding
    sparse : tensor, (objects, tokens, c)
        From the prompt encoder.
    several : bool
        As ``multimask_output``.

    Returns
    -------
    masks : tensor, (objects, masks, 4 h, 4 w)
    scores : tensor, (objects, masks)
    """
    import torch

    decoder, encoder = model.sam_mask_decoder, model.sam_prompt_encoder
    own = [decoder.iou_token.weight, decoder.mask_tokens.weight]
    if decoder.pred_obj_scores:
        own.insert(0, decoder.obj_score_token.weight)
    first = torch.cat(own).expand(len(sparse), -1, -1)
    tokens = torch.cat([first, sparse], dim=1)
    image = embedding.image + encoder.no_mask_embed.weight.view(1, -1, 1, 1)
    place = encoder.get_dense_pe().flatten(2).transpose(1, 2)
    queries, keys = _transform(decoder.transformer, image.flatten(2).transpose(1, 2), place, tokens)
    start = len(own) - 1  # the mask tokens come last
    mask_tokens = queries[:, start : start + decoder.num_mask_tokens]
    scores = decoder.iou_prediction_head(queries[:, start - 1])
    masks = _masks(decoder, keys, mask_tokens, embedding)
    if several:
        masks, scores = masks[:, 1:], scores[:, 1:]
    elif decoder.dynamic_multimask_via_stability:
        masks, scores = decoder._dynamic_multimask_via_stability(masks, scores)
    else:
        masks, scores = masks[:, :1], scores[:, :1]
    return _unnested(masks, *embedding.image.shape[-2:]), scores


def _transform(
    transformer: Any, keys: torch.Tensor, place: torch.Tensor, tokens: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """``TwoWayTransformer.forward``; ``keys`` is ``(1, cells, c)`` on its way in."""
    queries = tokens
    for layer in transformer.layers:
        if layer.skip_first_layer_pe:
            queries = layer.self_attn(q=queries, k=queries, v=queries)
        else:
            q = queries + tokens
            queries = queries + layer.self_attn(q=q, k=q, v=queries)
        queries = layer.norm1(queries)
        to_image, to_tokens = layer.cross_attn_token_to_image, layer.cross_attn_image_to_token
        k, v, asked = _project(
            keys, place, (to_image.k_proj, True), (to_image.v_proj, False), (to_tokens.q_proj, True)
        )
        queries = layer.norm2(queries + _look(to_image, queries + tokens, k, v))
        queries = layer.norm3(queries + layer.mlp(queries))
        keys = layer.norm4(_tell(to_tokens, keys, asked, queries + tokens, queries))
    last = transformer.final_attn_token_to_image
    k, v = _project(keys, place, (last.k_proj, True), (last.v_proj, False))
    queries = transformer.norm_final_attn(queries + _look(last, queries + tokens, k, v))
    return queries, keys


def _project(
    keys: torch.Tensor, place: torch.Tensor, *projections: tuple[Any, bool]
) -> tuple[torch.Tensor, ...]:
    """Several projections of ``keys``, or of ``keys + place``, in one product."""
    import torch

    weight = torch.cat([p.weight for p, _ in projections]).t()
    offset = torch.cat(
        [p(place) if placed else p.bias.expand(1, place.shape[1], -1) for p, placed in projections],
        dim=2,
    )
    count = len(keys)
    out = torch.baddbmm(offset.expand(count, -1, -1), keys, weight.expand(count, -1, -1))
    return torch.split(out, [p.weight.shape[0] for p, _ in projections], dim=2)


def _blocks(x: torch.Tensor, heads: int) -> torch.Tensor:
    """``(n, t, heads * d)`` as ``(n, heads * t, heads * d)``, each head in its own block."""
    n, t, width = x.shape
    out = x.new_zeros(n, heads, t, heads, width // heads)
    split = x.view(n, t, heads, width // heads).transpose(1, 2)
    out.diagonal(dim1=1, dim2=3).copy_(split.permute(0, 2, 3, 1))
    return out.view(n, heads * t, width)


def _look(attention: Any, tokens: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Tokens attend to the image's cells: ``(n, t, c)``; ``k`` and ``v`` may be shared."""
    n, t, _ = tokens.shape
    heads = attention.num_heads
    q = attention.q_proj(tokens)
    width = q.shape[-1]
    wide = _blocks(q * (width // heads) ** -0.5, heads)
    if len(k) != n:  # one image side for all objects
        wide = wide.view(1, -1, width)
    share = (wide @ k.transpose(1, 2)).softmax(dim=-1)
    seen = (share @ v).view(n, heads, t, heads, width // heads)
    own = seen.diagonal(dim1=1, dim2=3).permute(0, 1, 3, 2)  # n, t, heads, d
    out: torch.Tensor = attention.out_proj(own.reshape(n, t, width))
    return out


def _tell(
    attention: Any, keys: torch.Tensor, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor
) -> torch.Tensor:
    """``keys`` plus what its cells learn from the tokens: ``(n, cells, c)``."""
    import torch

    heads = attention.num_heads
    n, t, _ = k.shape
    width = q.shape[-1]
    wide = _blocks(attention.k_proj(k) * (width // heads) ** -0.5, heads)
    if len(q) != n:
        wide = wide.view(1, -1, width)
    # cells last: the softmax over a head's few tokens then runs along memory
    scores = (wide @ q.transpose(1, 2)).view(n, heads, t, -1)
    share = scores.softmax(dim=2).view(n, heads * t, -1)
    told = _blocks(attention.v_proj(v), heads) @ attention.out_proj.weight.t()
    told[:, :t] += attention.out_proj.bias  # the shares of each head sum to 1
    return torch.baddbmm(keys.expand(n, -1, -1), share.transpose(1, 2), told)


def _masks(
    decoder: Any, keys: torch.Tensor, mask_tokens: torch.Tensor, embedding: Sam2Embedding
) -> torch.Tensor:
    """Masks in the order of :func:`_doubled`'s pixels, ``(n, masks, 16 h w, 1)``."""
    import torch
    from torch.nn import functional as nnf

    first, norm, act, second, act_2 = decoder.output_upscaling
    fine, finer = embedding.finer[1], embedding.finer[0]
    h, w = embedding.image.shape[-2:]
    x = _doubled(first, keys, _nested(fine, h, w, 1))
    x = act(nnf.layer_norm(x, x.shape[-1:], norm.weight, norm.bias, norm.eps))
    x = act_2(_doubled(second, x, _nested(finer, h, w, 2)))
    vectors = torch.stack(
        [mlp(mask_tokens[:, k]) for k, mlp in enumerate(decoder.output_hypernetworks_mlps)], dim=1
    )
    masks: torch.Tensor = vectors @ x.transpose(1, 2)
    return masks[..., None]


def _unnested(masks: torch.Tensor, h: int, w: int) -> torch.Tensor:
    """Pixels in their usual order: ``(n, masks, 16 h w, 1)`` to ``(n, masks, 4 h, 4 w)``."""
    n, count = masks.shape[:2]
    masks = masks.reshape(n, count, h, w, 2, 2, 2, 2).permute(0, 1, 2, 4, 6, 3, 5, 7)
    return masks.reshape(n, count, 4 * h, 4 * w)


def _doubled(up: Any, x: torch.Tensor, more: torch.Tensor) -> torch.Tensor:
    """A transposed convolution of stride 2, plus a map of its output's size.

    ``(n, m, c)`` becomes ``(n, 4 m, c')``, 2 x 2 innermost; ``more`` is ``(1, 4 m, c')``.
    """
    import torch

    n, m, c = x.shape
    weight = up.weight.permute(0, 2, 3, 1).reshape(1, c, -1).expand(n, -1, -1)
    offset = (more + up.bias).view(1, m, -1).expand(n, -1, -1)
    return torch.baddbmm(offset, x, weight).view(n, 4 * m, -1)


def _nested(maps: torch.Tensor, h: int, w: int, levels: int) -> torch.Tensor:
    """A finer map in the order that :func:`_doubled` leaves: cell, then its parts, then theirs."""
    c = maps.shape[1]
    if levels == 1:
        order = maps.view(1, c, h, 2, w, 2).permute(0, 2, 4, 3, 5, 1)
    else:
        order = maps.view(1, c, h, 2, 2, w, 2, 2).permute(0, 2, 5, 3, 6, 4, 7, 1)
    return order.reshape(1, -1, c)
