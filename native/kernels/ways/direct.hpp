// The direct way: any kernel, stride, dilation and groups. Vectors run along the width of the output.
//
// A task copies the input rows of a band of output rows into a slab: zero-padded, one plane per stride phase, so that
// every tap reads consecutive elements at a fixed offset. The band's outputs are then one run of pixels with the
// pitch of the slab; the columns between rows are computed and dropped.
#pragma once

#include "base/numbers.hpp"
#include "base/problem.hpp"

#include <cstddef>

namespace striate {

struct DirectPlan {
    Problem p;
    int64_t lanes;                     // elements per vector
    int64_t k_block, k_blocks;         // output channels per register block; blocks per group
    int64_t vectors;                   // pixel vectors per register block
    int64_t phases_y, phases_x;        // planes stored per channel
    int64_t shift_y, shift_x;          // largest offset of a tap inside its plane
    int64_t pitch;                     // elements per slab row
    int64_t rows, bands;               // output rows per task; tasks along the height
    int64_t c_block;                   // input channels per slab
    int64_t group_block, group_tasks;  // groups per task; tasks along the groups
    int64_t k_tasks;                   // tasks along the output channels of a group
    bool in_place;                     // 1x1, stride 1, no padding: reads x itself, no slab

    // Products summed in one chain; sums of chains are then added, which keeps rounding from growing with the channels.
    // A function of the kernel alone: whole channels, or parts of one.
    int64_t chain() const { return p.taps() >= 128 ? 128 : 128 / p.taps() * p.taps(); }
    int64_t chain_channels() const { return p.taps() >= 128 ? 1 : 128 / p.taps(); }
    int64_t band_pixels(int64_t band_rows) const { return (band_rows - 1) * pitch + p.ow; }
    int64_t slab_rows() const { return rows + shift_y; }
    int64_t channel_elements() const { return phases_y * phases_x * slab_rows() * pitch; }
    int64_t slab_elements() const { return in_place ? 0 : c_block * channel_elements() + lanes * (vectors + 1); }
    int64_t pixel_blocks() const { return ceil_div(band_pixels(rows), lanes * vectors); }
    int64_t tile_elements() const { return k_block * vectors * lanes; }
    bool split_c() const { return c_block < p.group_c(); }
    int64_t sum_tiles() const { return split_c() ? ceil_div(k_blocks, k_tasks) * pixel_blocks() : 1; }
    int64_t tasks() const { return p.n * group_tasks * bands * k_tasks; }
    size_t workspace() const;
    size_t packed_bytes() const;
};

inline size_t DirectPlan::workspace() const {
    return aligned(size_t(slab_elements() * p.element_bytes())) +
           aligned(size_t(c_block * p.taps()) * sizeof(int64_t)) +
           aligned(size_t(sum_tiles() * tile_elements() * p.element_bytes()));
}

inline size_t DirectPlan::packed_bytes() const {
    return size_t(p.groups * k_blocks * k_block * p.group_c() * p.taps() * p.element_bytes());
}

// Vectors of pixels that fit the registers beside `k_block` output channels.
constexpr int64_t direct_vectors(int64_t k_block, bool many_registers) {
    constexpr int64_t many[] = {8, 8, 6, 5, 4, 4, 3, 3}, few[] = {6, 4, 3, 3};
    return many_registers ? many[k_block - 1] : few[k_block - 1];
}

}  // namespace striate
