"""Learning rates that fall from the top of a pretrained encoder to its input."""

from typing import Any

from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper
from torch import nn

from stgr.registry import OPTIM_WRAPPER_CONSTRUCTORS


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """MMEngine's constructor, with ``layer_decay`` among its ``paramwise_cfg``.

    The rate of a parameter of the backbone is multiplied by ``layer_decay ** depth``: depth 0 is
    what stands above the last layer, 1 the last layer, N the first of N, N + 1 the stem (Clark et
    al. 2020, ELECTRA; Bao et al. 2022, BEiT). The other keys mean what they mean in MMEngine:
    ``custom_keys=dict(backbone=dict(lr_mult=0.01))`` gives the backbone its own rate first, which
    then falls. Frozen parameters are in no group.

    Args:
        optim_wrapper_cfg: Config of the wrapper with its optimizer.
        paramwise_cfg: MMEngine's keys and ``layer_decay``, in (0, 1].

    Raises:
        ValueError: If ``layer_decay`` is missing or out of range, or, when called, the model's
            backbone has no stack of layers or nothing of it learns.

    Example:
        In a config::

            optim_wrapper = dict(
                type=OptimWrapper,
                optimizer=dict(type=AdamW, lr=1e-4),
                constructor=LayerDecayOptimWrapperConstructor,
                paramwise_cfg=dict(
                    layer_decay=0.75, custom_keys=dict(backbone=dict(lr_mult=0.1)))
            )
    """

    def __init__(
        self, optim_wrapper_cfg: dict[str, Any], paramwise_cfg: dict[str, Any] | None = None
    ) -> None:
        decay = (paramwise_cfg or {}).get('layer_decay')
        if decay is None or not 0 < decay <= 1:
            raise ValueError(
                f'paramwise_cfg.layer_decay must be in (0, 1], but is {decay}; 1 for equal rates'
            )
        super().__init__(optim_wrapper_cfg, paramwise_cfg)
        self.layer_decay = float(decay)
        if self.base_lr is None:
            raise ValueError('layer_decay multiplies optimizer.lr: set it')
        self.top_lr = float(self.base_lr)

    def __call__(self, model: nn.Module) -> OptimWrapper:
        """Return the wrapper of an optimizer with one group per parameter that learns."""
        model = getattr(model, 'module', model)
        backbone = getattr(model, 'backbone', None)
        if backbone is None or not _layers_of(backbone):
            where = f'the {type(model).__name__}' if backbone is None else type(backbone).__name__
            raise ValueError(
                f'layer_decay={self.layer_decay}, but {where} has no stack of layers to let rates '
                'fall in; leave layer_decay and its constructor out'
            )
        depths = _learning_depths(backbone)
        if not depths:
            raise ValueError(
                f'layer_decay={self.layer_decay}, but no layer of the backbone of '
                f'{type(model).__name__} learns; set backbone.frozen, or leave layer_decay out'
            )
        self.depths = depths
        return super().__call__(model)

    def add_params(
        self, params: list[dict], module: nn.Module, prefix: str = '', **kwargs: Any
    ) -> None:
        """Append the groups of a module, as MMEngine does, and let their rates fall."""
        super().add_params(params, module, prefix=prefix, **kwargs)
        if prefix:  # called for every submodule, the whole model last
            return
        for group in params:
            (parameter,) = group['params']
            depth = self.depths.get(id(parameter), 0)
            group['lr'] = group.get('lr', self.top_lr) * self.layer_decay**depth


def _layers_of(backbone: nn.Module) -> dict[str, int]:
    """Return the depth of each parameter by name, nothing for a backbone without layers."""
    depths: dict[str, int] = backbone.depths() if hasattr(backbone, 'depths') else {}  # type: ignore[operator]
    return depths


def _learning_depths(backbone: nn.Module) -> dict[int, int]:
    """Return the depth of each parameter that learns, by its ``id``."""
    depths = _layers_of(backbone)
    return {
        id(p): depths[name]
        for name, p in backbone.named_parameters()
        if p.requires_grad and name in depths
    }
