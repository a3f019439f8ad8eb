#include "ways/gemm.hpp"

#include "ways/schedule.hpp"
#include "ways/task_way.hpp"

#include <algorithm>
#include <cmath>

namespace striate {
namespace {

constexpr double pack_ns = 0.2;  // for each byte packed

// Slots of one vector multiply-add that a step of the register block takes.
double step(double rows, double vectors) { return std::max({rows * vectors, rows / 2 + vectors, 4.0}) + 0.5; }

// The share of `bytes`, met over and over, that the first cache does not hold beside what else passes.
double missed(double bytes, const Machine& m) { return std::clamp(bytes / m.l1_bytes / 0.4 - 1, 0.0, 1.0); }

// Microseconds of the whole call; see direct_plan.cpp for the unit of work.
double cost(const GemmPlan& g, const Machine& m, int threads) {
    const Problem& p = g.p;
    const double reds = double(g.reds()), chains = double(ceil_div(g.reds(), GemmPlan::chain));
    const double pixels = double(g.pixel_block()), lanes = double(g.lanes);
    const Schedule schedule{m, threads, g.images(), p.groups, g.pixel_tasks, g.k_tasks};
    const double k_blocks = schedule.blocks_each(g.k_blocks()), fresh = schedule.fresh();
    const double k_width = double(g.k_units()) / double(g.k_blocks()), k_units = k_blocks * k_width;
    // A step's surplus where reds are not one after the other; more where they share a cache set, 4 KiB apart.
    const double plane = double(p.h * p.w * 4), chained = std::min(reds, double(GemmPlan::chain));
    double apart = g.in_place ? (p.h * p.w * 4 % 4096 == 0 ? 2 : 0.3) + Machine::paging(chained, plane) : 0;
    double blocks = std::ceil(g.deep ? pixels / double(g.rows) : pixels / lanes / double(g.vectors));
    if (g.by_rows) {
        apart = 0.3 + Machine::paging(chained / double(p.kw), double(p.dh * p.w * 4));
        blocks = pixels / double(p.ow) * double(ceil_div(p.ow, g.rows));
    }
    // What a task reads: weights, and pixels that the first cache does not hold.
    double slots, weights, read;
    if (g.deep) {
        const double rows = pixels / blocks;
        slots = k_blocks * blocks * (reds * (step(rows, k_width) + apart) + chains * (2.5 * rows * k_width + 20));
        slots += k_units * pixels * 8;
        if (g.contiguous() && !g.in_place) slots += fresh * reds * blocks * std::ceil(rows / lanes) * 7;
        weights = k_units * lanes * reds * 4;
        const double row = g.in_place ? rows + 15 : g.by_rows ? rows + 8 : double(g.row_pitch());
        const double all = reds * blocks * row * 4;
        read = all > m.l1_bytes / 2 ? all * std::max(1.0, k_blocks) : all;
        read += weights * missed(chained * k_width * lanes * 4, m) * (blocks - 1);
    } else {
        const double nv = pixels / lanes / blocks;
        slots = k_blocks * blocks * (reds * (step(k_width, nv) + apart) + chains * (2.5 * k_width * nv + 20));
        slots += k_units * pixels / lanes + k_blocks * blocks * 10;
        if (g.contiguous() && !g.in_place) slots += reds * blocks * (5 * nv + 2);
        weights = k_units * reds * 4 * blocks;
        read = reds * pixels * 4 * ((g.in_place ? 1 : 0) + missed(chained * nv * lanes * 4, m) * std::max(0.0, k_blocks - 1));
    }
    if (g.by_rows) {
        if (p.padded()) slots += fresh * double(p.group_c() * g.field_rows()) * (20 + 8 * double(g.row_step()) / lanes);
    } else if (!g.contiguous()) {
        // Pieces of rows, each set up per tap for up to 32 channels.
        const double row = std::min(double(p.ow), lanes), width = pixels / blocks;
        const double whole = std::fmod(std::max(width, row), std::min(width, row)) == 0 ? 0 : 0.75;
        const double pieces = blocks * (std::ceil(width / row) + whole);
        const bool neighbours = p.dw == 1 && p.kw > 1;
        const double fours = double(ceil_div(p.kw, 4) * 4) / double(p.kw);
        const double each = p.sw == 1 ? 5 : p.sw == 2 ? (neighbours ? 5.5 : 7) : neighbours ? 5 * fours : 1.5 * row + 2;
        slots += (g.deep ? fresh : 1) * pieces * (reds * each + double(p.taps() * ceil_div(p.group_c(), 32)) * 12);
    }
    const double packed = double(g.packed_bytes());
    // Panels share the second cache with the weights that pass through it.
    const double crowded = 1 + 0.2 * std::clamp(double(g.workspace()) / m.l2_bytes - 0.2, 0.0, 0.8);
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
        const GemmPlan& g = plan_;
        const int64_t reds = g.reds(), group_k = g.p.group_k();
        float* to = static_cast<float*>(packed);
        for (int64_t group = 0; group < g.p.groups; ++group)
            for (int64_t block = 0; block < g.k_blocks(); ++block)
                for (int64_t i = 0; i < reds; ++i)
                    for (int64_t k = g.k_start(block); k < g.k_start(block + 1); ++k)
                        *to++ = k < group_k ? static_cast<const float*>(weight)[(group * group_k + k) * reds + i] : 0.0f;
    }
};

Facts facts_of(const GemmPlan& g, double predicted_us) {
    return {.promise = promises::gemm,
            .blocking = {{"deep", g.deep}, {"in_place", g.in_place}, {"by_rows", g.by_rows}, {"rows", g.rows}, {"vectors", g.vectors},
                         {"pixel_block", g.pixel_block()}, {"k_tasks", g.k_tasks}, {"tasks", g.tasks()}},
            .packing = {g.deep, g.k_block()},
            .packed_bytes = g.packed_bytes(),
            .workspace_bytes = g.workspace(),
            .predicted_us = predicted_us,
            .pack_ns = pack_ns};
}

}  // namespace

Offer offer_gemm(const Problem& p, const Machine& m, int threads) {
    double us;
    const GemmPlan g = plan_gemm(p, m, threads, &us);
    const Kernel<GemmPlan>& kernel = g.deep ? m.target->gemm_deep : m.target->gemm_wide;
    return {std::make_unique<Gemm>(facts_of(g, us), g, kernel.of(p.dtype)), {}};
}

}  // namespace striate
