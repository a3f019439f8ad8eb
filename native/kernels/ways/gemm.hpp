// The matrix product over (c, r, s), for any kernel.
//
// A task gathers the input pixels it needs into panels, [c, r, s][pixel] for a block of pixels at a time, and
// multiplies them with weights packed by blocks of output channels. The register block is some numbers, each broadcast,
// by some vectors. `deep` puts output channels into the vectors and broadcasts pixels: sums come out as
// [pixel][channel] and are transposed as they are stored, and any number of pixels makes a block. Otherwise vectors run
// along the pixels of one image. Where the pixels lie together in the input, both may read it as it stands. `deep` may
// also go by rows, without panels: neighbouring pixels of a row read each tap at neighbouring places of the input.
#pragma once

#include "base/numbers.hpp"
#include "base/problem.hpp"

#include <cstddef>

namespace striate {

struct GemmPlan {
    Problem p;
    int64_t lanes;
    bool deep;
    bool in_place;  // 1x1, stride 1, no padding: reads x itself
    bool by_rows;   // horizontal stride 1: blocks lie in rows; read x, where it is padded a task's copy of its rows
    bool far;       // x passes the second cache: what is gathered with a stride of 2 is asked for ahead
    int64_t rows, vectors;         // the largest register block: numbers broadcast, vectors
    int64_t turn;                  // blocks of pixels, read in place, that a block of output channels meets in a row
    int64_t pixel_tasks, k_tasks;  // per image, or over all where they are joined; per group

    // Products summed in one chain; sums of chains are then added in order, which keeps rounding from growing.
    static constexpr int64_t chain = 128;
    static constexpr int64_t most_in_turn = 16;

    int64_t reds() const { return p.group_c() * p.taps(); }
    // Each channel's pixels stand in the input as in the output.
    bool contiguous() const { return p.pointwise() && p.sh == 1 && p.sw == 1; }
    bool joined() const { return deep && !in_place && !by_rows; }
    // A panel is a copy of pixels that stand together, of one chain at a time.
    bool chained() const { return contiguous() && !deep && !in_place; }
    int64_t images() const { return joined() ? 1 : p.n; }
    int64_t pixels() const { return p.oh * p.ow * (joined() ? p.n : 1); }
    // Pixels fall to tasks by whole units, and channels to blocks.
    int64_t pixel_unit() const { return by_rows ? p.ow : deep ? 1 : lanes; }
    int64_t pixel_units() const { return ceil_div(pixels(), pixel_unit()); }
    int64_t pixel_block() const { return ceil_div(pixel_units(), pixel_tasks) * pixel_unit(); }
    int64_t k_unit() const { return deep ? lanes : 1; }
    int64_t k_units() const { return ceil_div(p.group_k(), k_unit()); }
    int64_t k_blocks() const { return ceil_div(k_units(), k_block()); }
    int64_t k_block() const { return deep ? vectors : rows; }
    int64_t k_start(int64_t block) const { return block * k_units() / k_blocks() * k_unit(); }
    int64_t tasks() const { return images() * p.groups * pixel_tasks * k_tasks; }

    // Numbers from one row to the next in a panel of pixels to broadcast: whole vectors where that wastes little.
    int64_t row_pitch() const {
        const int64_t whole = ceil_div(rows, lanes) * lanes;
        return 4 * rows >= 3 * whole ? whole : rows;
    }
    // By rows, of the input or of the task's copy of it: numbers from row to row and from channel to channel, and the
    // copy's rows.
    int64_t row_step() const { return p.pad_left + p.w + p.pad_right; }
    int64_t channel_step() const { return (p.padded() ? field_rows() : p.h) * row_step(); }
    int64_t field_rows() const { return (pixel_block() / p.ow - 1) * p.sh + (p.kh - 1) * p.dh + 1; }
    // Of a task where deep, else of a block of pixels; followed by a vector's room.
    int64_t panel_elements() const {
        if (in_place) return 0;
        if (by_rows) return p.padded() ? p.group_c() * channel_step() : 0;
        const int64_t held = chained() && reds() > chain ? chain : reds();
        return (deep ? ceil_div(pixel_block(), rows) * row_pitch() : vectors * lanes) * held + lanes;
    }
    // Output channels whose sums wait for the next chain.
    int64_t k_waiting() const { return reds() > chain ? ceil_div(k_blocks(), k_tasks) * rows : rows; }
    int64_t sum_elements() const { return (deep ? pixel_block() + lanes : k_waiting()) * vectors * lanes + lanes; }
    int64_t group_elements() const { return k_units() * k_unit() * reds(); }
    size_t workspace() const {
        return aligned(size_t(panel_elements()) * 4) + aligned(size_t(sum_elements()) * 4) +
               (by_rows ? aligned(size_t(reds()) * sizeof(int64_t)) : 0);
    }
    size_t packed_bytes() const { return size_t(p.groups * group_elements()) * 4; }
};

// Vectors that fit the registers beside `rows` broadcast numbers; 0 where none do.
constexpr int64_t gemm_vectors(int64_t rows, bool many_registers) {
    constexpr int64_t many[] = {8, 8, 6, 5, 4, 4, 3, 3, 3, 2, 2, 2, 2, 2}, few[] = {6, 4, 3, 3, 2, 2};
    return many_registers ? rows > 14 ? 0 : many[rows - 1] : rows > 6 ? 0 : few[rows - 1];
}

// Slots of one vector multiply-add that a step of the register block takes.
double gemm_step(double rows, double vectors);

}  // namespace striate
