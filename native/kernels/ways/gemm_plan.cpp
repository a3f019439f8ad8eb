#include "ways/gemm.hpp"

#include "ways/pack.hpp"
#include "ways/schedule.hpp"
#include "ways/task_way.hpp"

#include <algorithm>
#include <cmath>

namespace striate {
namespace {

// What a call's parts cost, in slots of one vector multiply-add where nothing else is said. `python benchmarks/costs.py
// gemm` measures them: for each, shapes that differ in it, with the times measured and predicted.
struct Costs {
    double number = 0.5;     // a number broadcast, and a vector loaded one, where these are more than the multiply-adds
    double least_step = 4;   // a step of the register block
    double step = 0.5;       // the same, beside what it holds
    double in_place = 0.3;   // more for a step whose pixels are not one after the other,
    double same_set = 2;     // and where they share a cache set, 4 KiB apart
    double sum = 2.5;        // a vector of sums, at the end of a chain
    double block = 20;       // a register block, for each chain
    double missed = 0.4;     // share of the first cache up to which what is met again is held; twice that, none
    double transposed = 8;   // deep: a vector of outputs, transposed as it is stored
    double copied = 7;       // deep: a vector of a panel copied from pixels that stand together
    double line = 15;        // deep: numbers read beside a block's row in place, for the cache lines that it ends in;
    double row_ends = 8;     // by rows
    double output = 1;       // wide: a vector of outputs
    double ends = 10;        // wide: a register block, once for all chains
    double wide_copied = 5;  // wide: as `copied`,
    double wide_row = 2;     // and for a row of a panel
    double field_row = 20;   // by rows: a row of the task's copy,
    double field_vector = 8;    // and a vector of it
    double cut = 0.75;          // pieces more of a block whose width and rows do not divide one another
    double piece = 5;           // gathering: a piece of a row for each channel and tap, at stride 1,
    double piece_pair = 5.5;    // at stride 2 where taps are neighbours,
    double piece_2 = 7;         // and where not,
    double piece_four = 5;      // at other strides where taps are neighbours, by fours,
    double pixel = 1.5;         // and where not: a pixel,
    double pixels = 2;          // and the piece
    double tap = 12;            // a piece of a row for each tap of up to 32 channels
    double crowded_from = 0.2;  // share of the second cache from which panels leave too little to the weights,
    double crowded_to = 0.8;    // for how much more,
    double crowded = 0.2;       // and what that adds for each share
    double pack_ns = 0.1;       // packing, for each byte packed
};
constexpr Costs costs;

// The share of `bytes`, met over and over, that the first cache does not hold beside what else passes.
double missed(double bytes, const Machine& m) { return std::clamp(bytes / m.l1_bytes / costs.missed - 1, 0.0, 1.0); }

// Microseconds of the whole call.
double cost(const GemmPlan& g, const Machine& m, int threads) {
    const Problem& p = g.p;
    const double reds = double(g.reds()), chains = double(ceil_div(g.reds(), GemmPlan::chain));
    const double pixels = double(g.pixel_block()), lanes = double(g.lanes);
    const Schedule schedule{m, threads, g.images(), p.groups, g.pixel_tasks, g.k_tasks};
    const double k_blocks = schedule.blocks_each(g.k_blocks()), fresh = schedule.fresh();
    const double k_width = double(g.k_units()) / double(g.k_blocks()), k_units = k_blocks * k_width;
    // A step's surplus where reds are not one after the other; more where they share a cache set, 4 KiB apart.
    const double plane = double(p.h * p.w * 4), chained = std::min(reds, double(GemmPlan::chain));
    double apart = g.in_place
                       ? (p.h * p.w * 4 % 4096 == 0 ? costs.same_set : costs.in_place) + Machine::paging(chained, plane)
                       : 0;
    double blocks = std::ceil(g.deep ? pixels / double(g.rows) : pixels / lanes / double(g.vectors));
    if (g.by_rows) {
        apart = costs.in_place + Machine::paging(chained / double(p.kw), double(p.dh * p.w * 4));
        blocks = pixels / double(p.ow) * double(ceil_div(p.ow, g.rows));
    }
    // What a task reads: weights, and pixels that the first cache does not hold.
    double slots, weights, read;
    if (g.deep) {
        const double rows = pixels / blocks;
        slots = k_blocks * blocks *
                (reds * (gemm_step(rows, k_width) + apart) + chains * (costs.sum * rows * k_width + costs.block));
        slots += k_units * pixels * costs.transposed;
        if (g.contiguous() && !g.in_place) slots += fresh * reds * blocks * std::ceil(rows / lanes) * costs.copied;
        weights = k_units * lanes * reds * 4;
        const double row = g.in_place ? rows + costs.line : g.by_rows ? rows + costs.row_ends : double(g.row_pitch());
        const double all = reds * blocks * row * 4;
        read = all > m.l1_bytes / 2 ? all * std::max(1.0, k_blocks) : all;
        read += weights * missed(chained * k_width * lanes * 4, m) * (blocks - 1);
    } else {
        const double nv = pixels / lanes / blocks;
        slots = k_blocks * blocks *
                (reds * (gemm_step(k_width, nv) + apart) + chains * (costs.sum * k_width * nv + costs.block));
        slots += k_units * pixels / lanes * costs.output + k_blocks * blocks * costs.ends;
        if (g.contiguous() && !g.in_place) slots += reds * blocks * (costs.wide_copied * nv + costs.wide_row);
        weights = k_units * reds * 4 * blocks;
        read = reds * pixels * 4 *
               ((g.in_place ? 1 : 0) + missed(chained * nv * lanes * 4, m) * std::max(0.0, k_blocks - 1));
    }
    if (g.by_rows) {
        if (p.padded())
            slots += fresh * double(p.group_c() * g.field_rows()) *
                     (costs.field_row + costs.field_vector * double(g.row_step()) / lanes);
    } else if (!g.contiguous()) {
        // Pieces of rows, each set up per tap for up to 32 channels.
        const double row = std::min(double(p.ow), lanes), width = pixels / blocks;
        const double whole = std::fmod(std::max(width, row), std::min(width, row)) == 0 ? 0 : costs.cut;
        const double pieces = blocks * (std::ceil(width / row) + whole);
        const bool neighbours = p.dw == 1 && p.kw > 1;
        const double fours = double(ceil_div(p.kw, 4) * 4) / double(p.kw);
        const double each = p.sw == 1    ? costs.piece
                            : p.sw == 2  ? (neighbours ? costs.piece_pair : costs.piece_2)
                            : neighbours ? costs.piece_four * fours
                                         : costs.pixel * row + costs.pixels;
        slots +=
            (g.deep ? fresh : 1) * pieces * (reds * each + double(p.taps() * ceil_div(p.group_c(), 32)) * costs.tap);
    }
    const double packed = double(g.packed_bytes());
    // Panels share the second cache with the weights that pass through it.
    const double crowded =
        1 + costs.crowded * std::clamp(double(g.workspace()) / m.l2_bytes - costs.crowded_from, 0.0, costs.crowded_to);
    const double read_us = weights / m.read_rate(packed * schedule.met()) + read / m.read_rate(0);
    const double runs = g.pixel_tasks > 1 ? k_units * (g.deep ? lanes : 1) : 0;
    const double task_us = Schedule::begin(runs) + Machine::beside(slots / m.fma_rate * crowded, read_us);
    return schedule.call_us(task_us, double((p.input_count() + p.output_count()) * 4) + packed);
}

// As many blocks as half the first cache holds, so that outputs are written in long runs, a few at a time.
int64_t turn(const GemmPlan& g, const Machine& m) {
    if (g.deep || !g.in_place || g.reds() > GemmPlan::chain || g.k_blocks() <= g.k_tasks) return 1;
    const double block = double(g.reds() * g.vectors * g.lanes * 4);
    return std::clamp(int64_t(m.l1_bytes / 2 / block), int64_t(1), GemmPlan::most_in_turn);
}

// The cheapest register block and split.
GemmPlan plan_gemm(const Problem& p, const Machine& m, int threads, double* us) {
    GemmPlan best{};
    bool best_fits = false;
    *us = INFINITY;
    const bool many = m.target->many_registers;
    const auto consider = [&](GemmPlan g) {
        for (int64_t parts = 1; parts <= g.pixel_units(); parts = std::max(parts + 1, parts * 5 / 4)) {
            g.pixel_tasks = parts;
            bool fits = false;
            const int64_t most = std::clamp<int64_t>(16 * threads / (g.images() * p.groups * parts), 1, g.k_blocks());
            for (g.k_tasks = 1; g.k_tasks <= most; g.k_tasks = std::max(g.k_tasks + 1, g.k_tasks * 5 / 4)) {
                g.turn = turn(g, m);
                const double predicted = cost(g, m, threads);
                fits = double(g.workspace()) * threads <= p.workspace_limit();
                if (fits == best_fits ? predicted < *us : fits) {
                    *us = predicted;
                    best = g;
                    best_fits = fits;
                }
            }
            if (g.images() * p.groups * parts > 16 * threads && fits) break;
        }
    };
    GemmPlan g{};
    g.p = p;
    g.lanes = m.target->lanes(p.dtype);
    g.far = double(p.input_count() * 4) > m.l2_bytes;
    const bool contiguous = g.contiguous();
    for (g.rows = 1; gemm_vectors(g.rows, many) > 0; ++g.rows) {
        g.deep = false;
        g.vectors = gemm_vectors(g.rows, many);
        for (bool in_place : {false, true}) {
            g.in_place = in_place;
            if (g.rows <= p.group_k() && (!in_place || (contiguous && g.pixels() >= g.vectors * g.lanes))) consider(g);
        }
        g.deep = true;
        // Broadcasting from x costs nothing over panels, unless an image makes less than two blocks.
        g.in_place = contiguous && p.oh * p.ow >= g.rows;
        const bool join = g.in_place && p.n > 1 && p.oh * p.ow < 2 * g.rows;
        for (g.vectors = 1; g.vectors <= gemm_vectors(g.rows, many); ++g.vectors) {
            if (g.rows <= g.pixels()) consider(g);
            // Of blocks that cut a row into as many pieces, the most even.
            if (!contiguous && p.sw == 1 && g.rows == ceil_div(p.ow, ceil_div(p.ow, g.rows))) {
                GemmPlan rows = g;
                rows.by_rows = true;
                consider(rows);
            }
            if (!join) continue;
            GemmPlan joined = g;
            joined.in_place = false;
            consider(joined);
        }
    }
    return best;
}

class Gemm : public TaskWay<GemmPlan> {
public:
    using TaskWay::TaskWay;

    // (group, block of output channels, c, r, s, k inside the block); channels past the group's last weigh zero.
    void pack(const void* weight, void* packed) const override {
        each_block(packed, [&](int64_t group, int64_t k0, int64_t count, int64_t width, float* to) {
            const int64_t reds = plan_.reds();
            const float* const from = static_cast<const float*>(weight) + (group * plan_.p.group_k() + k0) * reds;
            interleave_filters(from, reds, count, width, to);
        });
    }
    bool pack_turned(const Turned& weight, void* packed) const override {
        each_block(packed, [&](int64_t group, int64_t k0, int64_t count, int64_t width, float* to) {
            interleave_turned(plan_.p, weight, group, k0, count, width, to);
        });
        return true;
    }

private:
    // Calls put(group, first channel, channels, `width` of a block, where it is packed) for each block, on all threads.
    template <class Put>
    void each_block(void* packed, const Put& put) const {
        const GemmPlan& g = plan_;
        const int64_t reds = g.reds(), group_k = g.p.group_k(), blocks = g.k_blocks();
        each(g.p.groups * blocks, packing_threads(g.packed_bytes()), [&](int64_t i) {
            const int64_t group = i / blocks, k0 = g.k_start(i % blocks), width = g.k_start(i % blocks + 1) - k0;
            float* const to = static_cast<float*>(packed) + group * g.group_elements() + k0 * reds;
            put(group, k0, std::min(width, group_k - k0), width, to);
        });
    }
};

Facts facts_of(const GemmPlan& g, double predicted_us) {
    return {.promise = promises::gemm,
            .blocking = {{"deep", g.deep},
                         {"in_place", g.in_place},
                         {"by_rows", g.by_rows},
                         {"rows", g.rows},
                         {"vectors", g.vectors},
                         {"pixel_block", g.pixel_block()},
                         {"k_tasks", g.k_tasks},
                         {"tasks", g.tasks()}},
            .packing = {g.deep, g.k_block()},
            .packed_bytes = g.packed_bytes(),
            .workspace_bytes = g.workspace(),
            .predicted_us = predicted_us,
            .pack_ns = costs.pack_ns};
}

}  // namespace

double gemm_step(double rows, double vectors) {
    return std::max({rows * vectors, rows * costs.number + vectors, costs.least_step}) + costs.step;
}

Offer offer_gemm(const Problem& p, const Machine& m, const Use& use) {
    double us;
    const GemmPlan g = plan_gemm(p, m, use.threads, &us);
    const Kernel<GemmPlan>& kernel = g.deep ? m.target->gemm_deep : m.target->gemm_wide;
    return {std::make_unique<Gemm>(facts_of(g, us), g, kernel.of(p.dtype)), {}};
}

}  // namespace striate
