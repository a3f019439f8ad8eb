// The depthwise way: each output channel sees one input channel. No copy of the input is made.
//
// By rows: square kernels of 3, 5, 7 or 9, stride 1 or 2. Vectors run along the width. Each input row is loaded once,
// its taps are shifts of those vectors between registers, and it is added to every output row it reaches: their sums
// slide. By channels: small maps, any kernel and dilation, stride 1. A vector holds one pixel of `lanes` output
// channels; only the taps that fall on the map are computed, so a kernel larger than its map costs no more than the
// map.
#pragma once

#include "base/numbers.hpp"
#include "base/problem.hpp"

#include <cstddef>

namespace striate {

struct DepthwisePlan {
    Problem p;
    int64_t lanes;  // elements per vector
    bool by_channel;
    int64_t block;   // per task: input channels by rows, vectors of output channels by channels
    int64_t blocks;  // tasks along the channels
    int64_t rows;    // output rows per task, by rows
    int64_t bands;   // tasks along the height

    static constexpr int64_t widest_map = 14;  // pixels of a row, by channels

    int64_t tasks() const { return p.n * blocks * bands; }
    int64_t lane_groups() const { return ceil_div(p.k, lanes); }
    // Rows of taps whose products go in one chain, by channels.
    int64_t chain_rows() const {
        const int64_t row = p.kw < p.w ? p.kw : p.w;
        return 128 / row > 0 ? 128 / row : 1;
    }
    // The map and its outputs, a vector per pixel, each with room for a whole transposition.
    int64_t map_elements() const { return (p.h * p.w + lanes) * lanes; }
    int64_t out_elements() const { return (p.oh * p.ow + lanes) * lanes; }
    size_t workspace() const { return by_channel ? size_t((map_elements() + out_elements()) * p.element_bytes()) : 0; }
    size_t packed_bytes() const {
        return size_t((by_channel ? lane_groups() * lanes : p.k) * p.taps() * p.element_bytes());
    }
};

}  // namespace striate
