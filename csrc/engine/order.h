// The order in which the nodes of a graph are computed.
#pragma once

#include <vector>

#include "engine/graph.h"

namespace bnn {

struct OrderedGraph {
    Graph graph;
    std::vector<int> original;  // the number that each value has in the file
};

// Computes what an addition adds to the results of a binary convolution before that convolution, which
// can then add it to its results while they are in registers.
OrderedGraph order(Graph graph);

}  // namespace bnn
