#include "ways/input_gradient.hpp"

#include "ways/gemm.hpp"
#include "ways/schedule.hpp"

namespace striate {
namespace {

// What a call's parts cost, in slots of one vector multiply-add.
struct Costs {
    double in_place = 0.3;  // more for a step of the register block whose pixels are not one after the other,
    double same_set = 2;    // and where they share a cache set, 4 KiB apart
    double sum = 2.5;       // a vector of sums, at the end of a chain
    double block = 20;      // a register block, for each chain
    double packed = 3;      // a vector of weights packed
    double turned = 6;      // a vector of sums, turned to runs of pixels
    double added = 6;       // a vector of a run, added to the pixels that its tap meets
    double written = 8;     // a vector of the result
};
constexpr Costs costs;

constexpr int64_t band = 256;                  // pixels multiplied at a time, or somewhat more
constexpr int64_t sums_bytes = 128 * 1024;     // about what a band's sums take
constexpr int64_t weights_bytes = 512 * 1024;  // and the most that a task's weights may, where channels are enough
constexpr int64_t tasks_per_thread = 4;

// Microseconds of the whole call.
double cost(const InputGradientPlan& d, const Machine& m, int threads) {
    const Problem& p = d.p;
    const double reds = double(p.group_k()), chains = double(ceil_div(p.group_k(), InputGradientPlan::chain));
    const double lanes = double(d.lanes), columns = double(d.column_vectors());
    const double pixels = double(p.oh * p.ow) / double(d.bands()), plane = double(p.oh * p.ow * 4);
    const double column_blocks = double(d.column_blocks()), pixel_blocks = double(d.pixel_blocks());
    const double vectors = columns / column_blocks, rows = pixels / pixel_blocks;
    const double apart = (p.oh * p.ow % 1024 == 0 ? costs.same_set : costs.in_place) +
                         Machine::paging(std::min(reds, double(InputGradientPlan::chain)), plane);
    double band_slots =
        column_blocks * pixel_blocks *
        (reds * (gemm_step(rows, vectors) + apart) + chains * (costs.sum * rows * vectors + costs.block));
    band_slots += columns * pixels * costs.turned;
    const double runs = double(d.channels * p.taps()) * pixels / double(p.ow) * double(ceil_div(p.ow, d.lanes));
    if (!d.plain()) band_slots += runs * costs.added;
    const double written = double(d.channels * p.h) * double(ceil_div(p.w, d.lanes)) * costs.written;
    const double image_slots = double(d.bands()) * band_slots + written;
    const double weights = reds * columns * lanes * 4;
    const double slots = double(d.images) * image_slots + reds * columns * costs.packed / double(d.n_tasks);
    const double read_us = weights / double(d.n_tasks) / m.read_rate(double(p.weight_count() * 4)) +
                           double(d.images) * reds * plane * column_blocks / m.read_rate(reds * plane);
    const Schedule schedule{m, threads, 1, p.groups, d.n_tasks, d.c_tasks};
    const double task_us = Schedule::begin(0) + Machine::beside(slots / m.fma_rate, read_us);
    return schedule.call_us(task_us, double((p.input_count() + p.output_count() + p.weight_count()) * 4));
}

}  // namespace

InputGradientPlan plan_input_gradient(const Problem& p, const Machine& m, int threads, double* us) {
    InputGradientPlan d{};
    d.p = p;
    d.lanes = m.target->lanes(p.dtype);
    d.band_rows = ceil_div(p.oh, ceil_div(p.oh, std::max<int64_t>(1, band / p.ow)));
    const int64_t taps = p.taps(), wanted = ceil_div(tasks_per_thread * threads, p.groups);
    const int64_t by_sums = sums_bytes / (d.band_pixels() * taps * 4);
    const int64_t by_weights = weights_bytes / (p.group_k() * taps * 4);
    InputGradientPlan best{};
    const bool many = m.target->many_registers;
    // From as many channels as the second cache holds, in whole vectors of columns, down to one vector's.
    for (int64_t most = std::min(std::min(by_sums, by_weights), p.group_c());; most /= 2) {
        const int64_t whole = std::max(most / d.lanes, int64_t(1)) * d.lanes;
        d.channels = ceil_div(p.group_c(), ceil_div(p.group_c(), whole));
        d.c_tasks = ceil_div(p.group_c(), d.channels);
        d.images = ceil_div(p.n, std::clamp(threads > 1 ? wanted / d.c_tasks : 1, int64_t(1), p.n));
        d.n_tasks = ceil_div(p.n, d.images);
        for (d.rows = 1; gemm_vectors(d.rows, many) > 0; ++d.rows)
            for (d.vectors = 1; d.vectors <= gemm_vectors(d.rows, many); ++d.vectors) {
                const double predicted = cost(d, m, threads);
                if (best.lanes && predicted >= *us) continue;
                *us = predicted;
                best = d;
            }
        if (most <= d.lanes) return best;
    }
}

}  // namespace striate
