"""Movements of values between binary layers: nothing is computed, everything finds its place."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.pack.corpus._case import RGB, network
from tests.pack.corpus._parts import BConv2d, Between, BLinear, Call, Sign


class _Flattened(nn.Module):
    """flatten: from (N, 12, 5, 5) bits to rows of 300, by a spelling."""

    def __init__(self, flatten: str):
        super().__init__()
        self.conv, self.norm, self.sign = BConv2d(3, 12, 3, 2), nn.BatchNorm2d(12), Sign()
        self.fc, self.how = BLinear(300, 5), flatten

    def forward(self, x: Tensor) -> Tensor:
        x = self.sign(self.norm(self.conv(x)))
        if self.how == "size":
            x = x.view(x.size(0), -1)
        elif self.how == "shape":
            n, c, h, w = x.shape
            x = x.reshape(n, c * h * w)
        elif self.how == "len":
            x = x.reshape(len(x), -1)
        elif self.how == "known":
            x = x.contiguous().view(-1, 12 * 5 * 5)
        elif self.how == "steps":
            x = torch.flatten(x, 2, 3).flatten(start_dim=1, end_dim=-1)
        elif self.how == "numel":
            x = x.view(-1, x[0].numel())
        elif self.how == "like":
            x = x.reshape((*x.shape[:1], -1))
        elif self.how == "channels last":
            x = x.permute(0, 2, 3, 1).reshape(x.shape[0], -1)
        elif self.how == "transposed":
            x = x.transpose(2, 3).contiguous().flatten(1)
        return self.fc(x)


@network(RGB, integers=True)
def view_of_size() -> nn.Module:
    return _Flattened("size")


@network(RGB, integers=True)
def reshape_of_shape() -> nn.Module:
    return _Flattened("shape")


@network(RGB, integers=True)
def reshape_of_len() -> nn.Module:
    return _Flattened("len")


@network(RGB, integers=True)
def view_of_known_features() -> nn.Module:
    return _Flattened("known")


@network(RGB, integers=True)
def flatten_in_two_steps() -> nn.Module:
    return _Flattened("steps")


@network(RGB, integers=True)
def view_of_numel() -> nn.Module:
    return _Flattened("numel")


@network(RGB, integers=True)
def reshape_of_leading_shape() -> nn.Module:
    return _Flattened("like")


@network(RGB, integers=True)
def flattened_channels_last() -> nn.Module:
    return _Flattened("channels last")


@network(RGB, integers=True)
def flattened_transposed() -> nn.Module:
    return _Flattened("transposed")


@network(RGB, integers=True)
def permuted_and_back() -> nn.Module:
    return Between(lambda x: x.permute(0, 2, 3, 1).permute(0, 3, 1, 2))


@network(RGB, integers=True)
def rows_and_columns_swapped() -> nn.Module:
    return Between(lambda x: x.transpose(-1, -2))


@network(RGB, integers=True)
def flipped_and_rolled() -> nn.Module:
    return Between(lambda x: torch.roll(x.flip(3), shifts=(1, -2), dims=(2, 3)))


@network(RGB, integers=True)
def chunks_swapped() -> nn.Module:
    def swap(x: Tensor) -> Tensor:
        a, b = x.chunk(2, dim=1)
        return torch.cat((b, a), dim=1)

    return Between(swap)


@network(RGB, integers=True)
def split_unevenly() -> nn.Module:
    def shuffle(x: Tensor) -> Tensor:
        a, b, c = torch.split(x, [3, 8, 5], 1)
        return torch.cat([c, a, b], 1)

    return Between(shuffle)


@network(RGB, integers=True)
def narrowed_and_selected() -> nn.Module:
    return Between(lambda x: torch.cat([x.narrow(1, 4, 6), x.select(1, 0).unsqueeze(1)], 1), 7)


@network(RGB, integers=True)
def every_second_channel() -> nn.Module:
    return Between(lambda x: x[:, 1::2], 8)


@network(RGB, integers=True)
def indexed_by_a_list() -> nn.Module:
    return Between(lambda x: x[:, [5, 0, 0, 15, 7]], 5)


@network(RGB, integers=True)
def index_select() -> nn.Module:
    order = torch.randperm(16)
    return Between(lambda x: x.index_select(1, order))


@network(RGB, integers=True)
def cropped() -> nn.Module:
    return Between(lambda x: x[:, :, 1:-1, 2:-1])


@network(RGB, integers=True)
def strided_slice() -> nn.Module:
    return Between(lambda x: x[..., ::2, ::2])


@network(RGB, integers=True)
def one_sided_padding() -> nn.Module:
    return Between(nn.ZeroPad2d((0, 1, 0, 1)))


@network(RGB, integers=True)
def padded_by_a_number() -> nn.Module:
    return Between(Call(lambda x: F.pad(x, (1, 1, 2, 0), value=0.5)))


@network(RGB, integers=True)
def bits_padded_by_minus_one() -> nn.Module:
    sign = nn.Sequential(Sign(), nn.ConstantPad2d(1, -1.0))
    return Between(nn.Identity(), sign=sign)


@network(RGB, integers=True)
def bits_padded_by_zero() -> nn.Module:
    """Zero next to -1 and +1, before a binary layer, as its own padding would be."""
    return Between(nn.Identity(), sign=nn.Sequential(Sign(), nn.ZeroPad2d((2, 1, 0, 3))))


@network(RGB, integers=True)
def padded_by_reflection() -> nn.Module:
    return Between(nn.ReflectionPad2d(2))


@network(RGB, integers=True)
def padded_by_replication() -> nn.Module:
    return Between(Call(lambda x: F.pad(x, (2, 0, 1, 1), mode="replicate")))


@network(RGB, integers=True)
def padded_in_a_circle() -> nn.Module:
    return Between(nn.Identity(), sign=nn.Sequential(Sign(), nn.CircularPad2d((1, 1, 1, 1))))


@network(RGB, integers=True)
def padding_mode_of_the_layer() -> nn.Module:
    return nn.Sequential(
        BConv2d(3, 16, 3, padding=1, padding_mode="reflect"),
        nn.BatchNorm2d(16),
        Sign(),
        BConv2d(16, 8, 3, padding=1, padding_mode="circular"),
        nn.BatchNorm2d(8),
        Sign(),
        nn.Flatten(),
        BLinear(1152, 5),
    )


@network(RGB, integers=True)
def pixel_unshuffle() -> nn.Module:
    return Between(nn.PixelUnshuffle(2), 64)


@network(RGB, integers=True)
def pixel_shuffle() -> nn.Module:
    return Between(Call(lambda x: F.pixel_shuffle(x, 2)), 4)


@network(RGB, integers=True)
def channel_shuffle() -> nn.Module:
    return Between(nn.ChannelShuffle(4))


@network(RGB, integers=True)
def channel_shuffle_by_hand() -> nn.Module:
    def shuffle(x: Tensor) -> Tensor:
        n, c, h, w = x.size()
        x = x.view(n, 2, c // 2, h, w)
        return torch.transpose(x, 1, 2).contiguous().view(n, -1, h, w)

    return Between(shuffle)


@network(RGB, integers=True)
def space_to_depth_by_hand() -> nn.Module:
    """Focus of YOLOv5: four strided crops, concatenated."""

    def focus(x: Tensor) -> Tensor:
        parts = [x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]]
        return torch.cat(parts, 1)

    return Between(focus, 64)


@network(RGB, integers=True)
def stacked_and_flattened() -> nn.Module:
    return Between(lambda x: torch.stack([x[:, :4], x[:, 4:8]], dim=2).flatten(1, 2), 8)


@network(RGB, integers=True)
def squeezed_and_unsqueezed() -> nn.Module:
    return Between(lambda x: x.unsqueeze(1).squeeze(1)[:, None].squeeze(dim=1))


@network(RGB, integers=True)
def repeated_channels() -> nn.Module:
    return Between(lambda x: x.repeat(1, 2, 1, 1), 32)


@network(RGB, integers=True)
def interleaved_channels() -> nn.Module:
    return Between(lambda x: x.repeat_interleave(2, dim=1), 32)


@network(RGB, integers=True)
def nearest_upsampling() -> nn.Module:
    return Between(nn.Upsample(scale_factor=2, mode="nearest"))


@network(RGB, integers=True)
def interpolated_to_a_size() -> nn.Module:
    return Between(lambda x: F.interpolate(x, size=(9, 15)))


@network(RGB, integers=True)
def concatenated_along_the_height() -> nn.Module:
    return Between(lambda x: torch.cat([x[:, :, :3], -x[:, :, 5:]], 2))


@network(RGB, integers=True)
def bits_concatenated() -> nn.Module:
    return Between(nn.Identity(), 32, Call(lambda x: Sign()(torch.cat([x, -x], dim=1))))


@network(RGB, integers=True)
def written_into_zeros() -> nn.Module:
    def write(x: Tensor) -> Tensor:
        out = torch.zeros(x.shape[0], 20, 12, 12)
        out[:, 2:18] = x
        return out

    return Between(write, 20)


@network(RGB)
def bilinear_upsampling() -> nn.Module:
    return Between(nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False))
