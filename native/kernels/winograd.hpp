// Winograd's way, F(m x m, r x r), fused by blocks of tiles: stride 1, square kernels of 3 and 5, any dilation and groups.
//
// A dilated convolution falls into dh * dw independent ones, one per phase of the output coordinates; each has its own
// grid of tiles. A task transforms the input of its tiles, then for every block of output channels multiplies, transforms
// back and stores. Outputs that come out non-finite are computed again by the definition, so that NaN and Inf reach
// exactly the outputs whose field holds them.
#pragma once

#include "direct.hpp"
#include "problem.hpp"

#include <cstddef>

namespace striate {

struct WinogradPlan {
    Problem p;
    int64_t lanes;
    int64_t m;                         // outputs per tile side
    int64_t tiles_y, tiles_x;          // tile grid of one phase
    int64_t tile_block, tile_tasks;    // tiles per task
    int64_t k_tasks;                   // tasks along the output channels of a group

    int64_t size() const { return m + p.kh - 1; }
    int64_t spots() const { return size() * size(); }
    int64_t tiles() const { return p.n * p.dh * p.dw * tiles_y * tiles_x; }
    int64_t k_vectors() const { return (p.group_k() + lanes - 1) / lanes; }
    int64_t k_blocks() const { return (k_vectors() + 1) / 2; }
    int64_t c_groups() const { return (p.group_c() + lanes - 1) / lanes; }
    int64_t run_columns() const { return (tile_block < tiles_x ? tile_block : tiles_x) * m + size() + lanes; }

    // Elements between spots of the transformed input: five more cache lines keep them off the same cache set.
    int64_t input_stride() const { return c_groups() * tile_block * lanes + 5 * 16; }
    int64_t product_stride() const { return tile_block * 2 * lanes + 5 * 16; }
    int64_t stage_elements() const { return size() * run_columns() * lanes + lanes * run_columns(); }
    int64_t weight_elements() const { return spots() * k_vectors() * lanes * p.group_c(); }
    int64_t tasks() const { return p.groups * tile_tasks * k_tasks; }
    size_t workspace() const {
        return aligned(size_t(spots() * (input_stride() + product_stride()) + stage_elements()) * sizeof(float));
    }
    size_t packed_bytes() const { return size_t(p.groups * weight_elements() + p.weight_count()) * sizeof(float); }
};

}  // namespace striate
