"""What we use of PyG, whose import warns that it compiles with ``torch.jit.script``."""

import warnings

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", FutureWarning)
    from torch_geometric.nn import GATv2Conv
    from torch_geometric.nn.dense import Linear
    from torch_geometric.utils import scatter

__all__ = ["GATv2Conv", "Linear", "scatter"]
