// Winograd's way, F(m x m, r x r), fused by blocks of tiles: square kernels of 2 to 5 at stride 1 with any dilation, of
// 3 to 10 at stride 2; any groups. What stride and dilation have in common only thins the input out: with it divided
// out of both, it is the input pixels' step, and the rest is as below.
//
// A dilated convolution falls into dh * dw independent ones, one per phase of the output coordinates; each has its own
// grid of tiles. A convolution of stride 2 is a sum of four of stride 1, one per phase of the input coordinates, added
// before the transform back. Where the kernel is odd, the odd phase has a tap less, so that its last product is zero:
// the one at infinity or, where the taps stand one place further on, the one at 0. A task transforms the input of its
// tiles, then for every block of output channels multiplies, transforms back and stores. Sums that come out non-finite
// spoil the call.
#pragma once

#include "base/numbers.hpp"
#include "base/problem.hpp"

#include <cstddef>

namespace striate {

struct WinogradPlan {
    Problem p;
    int64_t lanes;
    int64_t step_y, step_x;          // of the input pixels: what stride and dilation have in common
    int64_t stride;                  // 1 or 2, what is left of it
    int64_t dilation_y, dilation_x;  // what is left of it
    int64_t m;                       // outputs per tile side
    int64_t tiles_y, tiles_x;        // tile grid of one phase
    int64_t tile_block, tile_tasks;  // tiles per task
    int64_t k_tasks;                 // tasks along the output channels of a group

    int64_t apart_y() const { return step_y * stride * dilation_y; }  // input rows between the rows that one tile reads
    int64_t apart_x() const { return step_x * stride * dilation_x; }
    int64_t phases() const { return stride * stride; }
    int64_t taps() const { return ceil_div(p.kh, stride); }  // along each axis, of the longest phase
    bool uneven() const { return p.kh % stride != 0; }
    // Whether the phase has a tap less along y and along x, and by how many places its taps are then moved.
    bool short_y(int64_t phase) const { return uneven() && phase / stride; }
    bool short_x(int64_t phase) const { return uneven() && phase % stride; }
    int64_t moved() const { return size() % 2; }
    bool contributes(int64_t phase, int64_t spot) const {
        return spot / size() < size() - short_y(phase) && spot % size() < size() - short_x(phase);
    }
    // Multiplications per tile, input channel and output channel.
    int64_t products() const {
        const int64_t side = stride * size() - uneven();
        return side * side;
    }
    int64_t size() const { return m + taps() - 1; }
    int64_t spots() const { return size() * size(); }
    // Channels summed in one chain; sums of chains are then added, which keeps rounding from growing with the channels.
    int64_t chain() const { return size() < 7 ? 64 : 16; }
    int64_t tiles() const { return p.n * dilation_y * dilation_x * tiles_y * tiles_x; }
    int64_t k_vectors() const { return ceil_div(p.group_k(), lanes); }
    int64_t k_blocks() const { return (k_vectors() + 1) / 2; }
    int64_t c_groups() const { return ceil_div(p.group_c(), lanes); }
    int64_t run_columns() const { return (tile_block < tiles_x ? tile_block : tiles_x) * m + size() + lanes; }

    // Elements between spots of the transformed input: five more cache lines keep them off the same cache set.
    int64_t input_stride() const { return phases() * c_groups() * tile_block * lanes + 5 * 16; }
    int64_t product_stride() const { return tile_block * 2 * lanes + 5 * 16; }
    int64_t stage_elements() const { return size() * run_columns() * lanes + lanes * run_columns(); }
    int64_t weight_elements() const { return products() * k_vectors() * lanes * p.group_c(); }
    int64_t tasks() const { return p.groups * tile_tasks * k_tasks; }
    size_t workspace() const {
        return aligned(size_t(spots() * (input_stride() + product_stride()) + stage_elements()) * sizeof(float));
    }
    // Input channels whose weights are transformed together, and what that takes where a filter's taps of a channel lie
    // in `count` neighbouring numbers.
    int64_t pack_channels() const { return p.group_c() < 8 ? p.group_c() : 8; }
    size_t pack_workspace(int64_t count) const {
        const int64_t lines = pack_channels() * count + lanes, room = products() * pack_channels();
        return aligned(size_t(2 * lanes * (lines + room)) * sizeof(float));
    }
    size_t packed_bytes() const { return size_t(p.groups * weight_elements()) * sizeof(float); }
};

}  // namespace striate
