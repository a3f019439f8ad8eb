// Winograd's way along the rows alone, F(4, r), for few input channels: any height of kernel, stride and groups.
//
// A row of the input, taken apart into the phases of the horizontal stride, is transformed once per tile of 4 outputs.
// Products with the transformed weights are summed over channels, phases and kernel rows, one tile per lane; all points
// of a tile stay in registers, so the sums are transformed back without touching memory. Transformed rows lie either
// each in whole vectors, all points of a vector side by side, or one plane per point, the rows of a band without a gap,
// so that a vector of tiles may span rows: slower to read, but no lane is idle. A task whose sums may come out
// non-finite spoils the call.
#pragma once

#include "base/numbers.hpp"
#include "base/problem.hpp"

#include <cstddef>

namespace striate {

struct Winograd1dPlan {
    Problem p;
    int64_t lanes;
    int64_t taps;                // of the widest phase
    int64_t step;                // input columns between neighbouring taps
    int64_t phases_x, phases_y;  // of the stride, with a tap in them
    int64_t tiles_x;             // tiles per output row
    int64_t k_block, k_blocks;   // output channels per register block; blocks per group
    int64_t rows, bands;         // output rows per task; tasks along the height
    bool spanning;               // vectors of tiles span rows
    bool stream;                 // outputs, in rows of whole vectors, bypass the caches

    static constexpr int64_t m = 4;
    // Products summed in one chain; sums of chains are then added, which keeps rounding from growing with the channels.
    static constexpr int64_t chain = 64;
    static constexpr int64_t most_in_turn = 16;

    int64_t size() const { return m + taps - 1; }
    int64_t shift_y() const { return (p.kh - 1) * p.dh / p.sh; }
    int64_t lines() const { return p.group_c() * phases_x * phases_y; }
    int64_t terms() const { return p.group_c() * phases_x * p.kh; }
    int64_t row_vectors() const { return ceil_div(tiles_x, lanes); }
    int64_t band_vectors(int64_t band_rows) const {
        return spanning ? ceil_div(band_rows * tiles_x, lanes) : band_rows * row_vectors();
    }
    // An odd number of cache lines keeps the points off the same cache set.
    int64_t plane() const {
        const int64_t used = ((rows + shift_y()) * tiles_x + 2 * lanes + 15) / 16;
        return (used + 1 - used % 2) * 16;
    }
    // Elements of the transformed input between points, vectors, rows, and phases of channels.
    int64_t point_stride() const { return spanning ? plane() : lanes; }
    int64_t vector_stride() const { return spanning ? lanes : size() * lanes; }
    int64_t row_stride() const { return spanning ? tiles_x : row_vectors() * size() * lanes; }
    int64_t line_stride() const { return spanning ? size() * plane() : (rows + shift_y()) * row_stride(); }
    int64_t input_elements() const { return lines() * line_stride(); }
    int64_t line_elements() const { return (row_vectors() + 1) * lanes * m; }
    int64_t line_out_elements() const { return k_block * lanes * m; }
    // Vectors of tiles that a block of output channels meets in a row: long runs of stores.
    int64_t turn() const { return terms() > chain ? 1 : most_in_turn; }
    int64_t sum_elements() const { return terms() > chain ? k_blocks * size() * k_block * lanes : 0; }
    int64_t weight_elements() const { return k_blocks * k_block * terms() * size(); }
    int64_t tasks() const { return p.n * p.groups * bands; }
    size_t workspace() const {
        return aligned(size_t(input_elements() + line_elements() + line_out_elements() + sum_elements()) *
                       sizeof(float)) +
               aligned(size_t(terms()) * sizeof(int64_t));
    }
    // Transformed weights, then one number that says whether they are large.
    size_t packed_bytes() const { return size_t(p.groups * weight_elements() + 1) * sizeof(float); }
};

// Output channels whose `size` points fit the registers.
constexpr int64_t winograd1d_channels(int64_t size, bool many_registers) {
    return many_registers ? (size == 5 ? 5 : size == 8 ? 3 : 4) : size == 8 ? 1 : 2;
}

}  // namespace striate
