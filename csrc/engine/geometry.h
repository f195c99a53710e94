// How the window of a convolution node slides over its input.
#pragma once

#include <algorithm>

#include "engine/step.h"
#include "kernels/geometry.h"

namespace bnn {

// How far the last window reaches beyond the end of the map, along one axis.
inline int reach_behind(const Node& node, int axis, int size, int positions, int before) {
    const int reach = node.number("dilation", axis) * (node.number("kernel", axis) - 1) + 1;
    return std::max((positions - 1) * node.number("stride", axis) + reach - before - size, 0);
}

inline Geometry geometry_of(const StepContext& context) {
    const Node& node = context.node;
    const Layout& input = context.inputs[0];
    Geometry g{};
    g.in_height = input.type.height;
    g.in_width = input.type.width;
    g.in_channels = input.type.channels;
    g.out_height = context.output.type.height;
    g.out_width = context.output.type.width;
    g.out_channels = context.output.type.channels;
    g.kernel_height = node.number("kernel", 0);
    g.kernel_width = node.number("kernel", 1);
    g.stride_y = node.number("stride", 0);
    g.stride_x = node.number("stride", 1);
    g.dilation_y = node.number("dilation", 0);
    g.dilation_x = node.number("dilation", 1);
    g.top = node.number("padding", 0);
    g.left = node.number("padding", 1);
    g.groups = node.number("groups");
    g.row_stride = input.row_stride();
    return g;
}

// Whether a convolution reads each weight for a single use. Padding is left out: its taps have a rule of
// their own.
inline bool is_linear(const StepContext& context) {
    const Node& node = context.node;
    const ValueType& output = context.output.type;
    if (!node.op.starts_with("conv") || output.height * output.width != 1) return false;
    return node.number("groups") == 1 &&
           std::ranges::all_of(node.attributes.at("padding"), [](double pad) { return pad == 0; });
}

// Whether a plan computes several samples together, and these can share the weights of a layer.
inline bool shares_weights(const StepContext& context) {
    return context.group > 1 && is_linear(context);
}

}  // namespace bnn
