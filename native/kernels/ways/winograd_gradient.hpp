// The gradient of a convolution with respect to its weights by Winograd's way: kernels of 3x3 at stride 1, any groups.
// Where F(m x m, 3 x 3) gives AT[(G g GT) * (BT d B)]A of a tile d, the weights' gradient is the sum over all tiles of
// GT[(A y AT) * (BT d B)]G, y being the output's gradient at the tile.
//
// The tiles of all channels and of all filters are transformed, then tasks multiply those of some channels with those
// of some filters, for each spot of a tile a product over the tiles, and transform back. Tiles that would take too
// much memory are cut into parts, whose gradients are added in order. Sums that come out non-finite spoil the call.
#pragma once

#include "base/numbers.hpp"
#include "base/problem.hpp"

#include <cstddef>

namespace striate {

struct WinogradGradientPlan {
    Problem p;
    int64_t lanes;
    int64_t tiles_y, tiles_x;  // tile grid of an image
    int64_t part_rows;         // of tiles, of a part
    int64_t c_block, k_block;  // vectors of channels and of filters of a task
    int64_t row = 0;           // the part's first row of tiles

    static constexpr int64_t m = 4, r = 3, size = m + r - 1, spots = size * size;
    // Products summed in one chain; sums of chains are then added.
    static constexpr int64_t chain = 64;

    int64_t c_vectors() const { return ceil_div(p.group_c(), lanes); }
    int64_t k_vectors() const { return ceil_div(p.group_k(), lanes); }
    int64_t all_rows() const { return p.n * tiles_y; }
    int64_t rows() const { return all_rows() - row < part_rows ? all_rows() - row : part_rows; }

    // Transformed: [vector][spot][tile][lane], those of all groups' channels first, then those of their filters. An odd
    // number of tiles keeps spots off the same cache set.
    int64_t spot_elements() const { return (part_rows * tiles_x | 1) * lanes; }
    int64_t vector_elements() const { return spots * spot_elements(); }
    int64_t vectors() const { return p.groups * (c_vectors() + k_vectors()); }
    size_t transformed_bytes() const { return size_t(vectors() * vector_elements()) * sizeof(float); }

    // A task transforms a vector's tiles of some rows.
    int64_t task_rows() const { return tiles_y < part_rows ? tiles_y : part_rows; }
    int64_t row_tasks() const { return ceil_div(rows(), task_rows()); }
    int64_t stage_columns() const { return ceil_div(tiles_x * m + r - 1, lanes) * lanes; }
    size_t stage_bytes() const { return size_t(size * stage_columns() * lanes) * sizeof(float); }

    int64_t c_tasks() const { return ceil_div(c_vectors(), c_block); }
    int64_t k_tasks() const { return ceil_div(k_vectors(), k_block); }
    int64_t tasks() const { return p.groups * k_tasks() * c_tasks(); }
    // Products of a task: [spot][channel][filter]; five more cache lines keep spots off the same cache set.
    int64_t product_elements() const { return c_block * lanes * k_block * lanes + 5 * 16; }
    int64_t turned_elements() const { return r * r * lanes * lanes; }
    size_t workspace() const { return size_t(spots * product_elements() + turned_elements()) * sizeof(float); }
};

bool winograd_gradient_computes(const Problem& p);

// Whether the problem is computed, within the memory of a call, and takes less so than by multiplying each tap; the
// problem and the instruction set alone decide.
bool worth_winograd_gradient(const Problem& p, int64_t lanes);

// Parts decide the bits, and depend on the problem and the instruction set alone.
WinogradGradientPlan plan_winograd_gradient(const Problem& p, int64_t lanes, int threads);

}  // namespace striate
