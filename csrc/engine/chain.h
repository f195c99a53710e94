// The operations that the step of a convolution does in addition to it.
#pragma once

#include <vector>

#include "engine/graph.h"

namespace bnn {

// A node of a chain, and the value that it adds or writes, or -1. The node 0 stores a value.
struct Link {
    int node, map;
};

// The operations that the step of a convolution does in addition to it.
struct Chain {
    int output;                         // the value that the convolution itself gives
    const Node* sums_reader = nullptr;  // the node that turns integer sums into bits or reals
    std::vector<Link> links;
    std::vector<int> folded;            // all nodes that need no step of their own
};

// The nodes that read each value, in their order; 0 for each output that it is.
using Readers = std::vector<std::vector<int>>;
Readers readers_of(const Graph& graph);

// There are no operations in addition unless the node is a convolution.
Chain chain_of(const Graph& graph, int number, const Readers& readers);

}  // namespace bnn
