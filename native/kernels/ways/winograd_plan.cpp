#include "ways/winograd.hpp"

#include "simd/toom.hpp"
#include "ways/schedule.hpp"
#include "ways/task_way.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace striate {
namespace {

// What a call's parts cost, in slots of one vector multiply-add where nothing else is said. `python benchmarks/costs.py
// winograd` measures them: for each, shapes that differ in it, with the times measured and predicted.
struct Costs {
    double weight = 2;          // a step's two vectors of weights, for each register block
    double step = 1;            // a step of a register block, beside them and its multiply-adds
    double block = 15;          // a register block, for each chain
    double sum = 2;             // a vector of sums, at the end of a chain
    double spot = 4.2;          // transforming the input: a vector of the tile,
    double transform = 1.8;     // and of one pass over a row or column of it, for each
    double product = 3.5;       // transforming back: a vector of products,
    double output = 8;          // and of outputs
    double wide = 1.4;          // what transforms take longer where a row of tiles outgrows the first cache
    double both = 4;            // numbers moved between the caches, over those copied in the same time
    double stage_row = 14;      // a row of the stage for each channel
    double output_row = 6.5;    // a row of outputs for each channel
    double second = 20;         // more for a row of the stage of every second pixel,
    double second_pixel = 0.7;  // and for each pixel;
    double apart = 11;          // of pixels further apart,
    double apart_pixel = 3;     // and for each pixel
    double output_pixel = 2;    // an output written alone
    double crowded_from = 0.5;  // share of the second cache from which scratch leaves too little to others,
    double crowded_to = 1.1;    // for how much more,
    double crowded = 0.25;      // and what that adds for each share
    double pack_ns = 0.12;      // packing, for each byte of weights read and packed
};
constexpr Costs costs;

// Microseconds of the whole call.
double cost(const WinogradPlan& w, const Machine& m, int threads) {
    const Problem& p = w.p;
    const double size = double(w.size()), spots = double(w.spots()), products = double(w.products());
    const double tiles = double(std::min(w.tile_block, w.tiles()));
    const Schedule schedule{m, threads, 1, p.groups, w.tile_tasks, w.k_tasks};
    const double max_rows = m.target->many_registers ? 14 : 6;
    const double vectors = std::min(double(w.k_vectors()), 2 * schedule.blocks_each(w.k_blocks()));
    const double calls = std::ceil(tiles / max_rows), channels = double(p.group_c());
    const double step = std::max(2 * tiles, tiles + costs.weight * calls) + calls * costs.step;
    const double chains = std::ceil(channels / double(w.chain()));
    const double multiply =
        products * vectors / 2 * (channels * step + chains * (calls * costs.block + tiles * costs.sum)) / m.fma_rate;
    const double weights = products * vectors * double(w.lanes) * channels * 4;
    // Of those that a thread meets, call after call.
    const double all_weights = double(p.groups * w.weight_elements()) * 4 * schedule.met();
    // Vectors of channels that a task transforms, and those that it multiplies.
    const double given = double(w.phases() * w.c_groups()), staged = schedule.fresh() * given;
    const double input = staged * tiles * (spots * costs.spot + 2 * size * (size + double(w.m)) * costs.transform);
    const double output = vectors * tiles * (spots * costs.product + double(w.m * w.m) * costs.output);
    // Wide rows of tiles outgrow the first cache.
    const double wide = double(w.stage_elements() * 4) > m.l1_bytes ? costs.wide : 1;
    // What the first cache does not hold goes to the second and back: half of it beside other work.
    const double kept = spots * (staged + given * std::ceil(vectors / 2) + 2 * vectors);
    const double traffic = 64 * tiles * kept / (costs.both * m.cache_rate);
    const double runs = std::ceil(tiles / double(w.tiles_x)) + (w.tile_block % w.tiles_x && w.tile_tasks > 1 ? 1 : 0);
    const double per_run =
        double(w.lanes) * (staged * size * costs.stage_row + vectors * double(w.m) * costs.output_row);
    // Every second pixel is read with masks; rows of few pixels, and pixels further apart, are read and written one at
    // a time.
    const double columns = std::min(tiles, double(w.tiles_x)) * double(w.m);
    const double apart = w.apart_x() == 2  ? costs.second + costs.second_pixel * columns
                         : w.apart_x() > 2 ? costs.apart + costs.apart_pixel * columns
                                           : 0;
    const double thin =
        double(w.lanes) *
        (staged * size * apart + (w.dilation_x > 1 ? vectors * double(w.m) * columns * costs.output_pixel : 0));
    // Others may hold half of the second cache, and weights pass through it.
    const double crowded =
        1 + costs.crowded * std::clamp((double(w.workspace()) + weights / vectors) / m.l2_bytes - costs.crowded_from,
                                       0.0, costs.crowded_to);
    // Weights come in while the first tiles meet them; the others find them in the first cache.
    const double first = multiply / calls,
                 product = Machine::beside(first, weights / m.read_rate(all_weights)) + first * (calls - 1);
    const double transforms = (input + output) * wide + runs * (per_run + thin);
    const double begin = Schedule::begin(w.tile_tasks > 1 ? vectors * double(w.lanes) : 0);
    const double task_us = begin + crowded * (product + traffic + transforms / m.fma_rate);
    return schedule.call_us(task_us, double((p.input_count() + p.output_count()) * p.element_bytes()));
}

// Nanoseconds for each byte packed.
double pack_ns(const WinogradPlan& w) { return costs.pack_ns * (1 + double(w.p.taps()) / double(w.products())); }

// The cheapest block of tiles and split of the channels, for outputs per tile side of `only` or, where that is 0, the
// cheapest. `us` is what a call takes, weights being packed.
WinogradPlan plan_winograd(const Problem& p, const Machine& machine, const Use& use, int64_t only, double* us) {
    const int threads = use.threads;
    WinogradPlan best{};
    bool best_fits = false;
    double least_us = INFINITY;
    for (const auto [m, r] : tiles) {
        WinogradPlan w{};
        w.p = p;
        w.lanes = machine.target->lanes(p.dtype);
        w.step_y = std::gcd(p.sh, p.dh);
        w.step_x = std::gcd(p.sw, p.dw);
        w.stride = p.sh / w.step_y;
        w.dilation_y = p.dh / w.step_y;
        w.dilation_x = p.dw / w.step_x;
        w.m = m;
        if (w.taps() != r || (only && m != only)) continue;
        // Beyond, rounding in tiles of 7 would come near the bound; F(5, 3) weighs the large points most.
        if (w.size() == 7 && w.phases() * p.group_c() > (m == 5 ? 256 : 512)) continue;
        w.tiles_y = ceil_div(ceil_div(p.oh, w.dilation_y), m);
        w.tiles_x = ceil_div(ceil_div(p.ow, w.dilation_x), m);
        for (int64_t tasks = 1; tasks <= w.tiles(); tasks = std::max(tasks + 1, tasks * 9 / 8)) {
            w.tile_block = ceil_div(w.tiles(), tasks);
            w.tile_tasks = ceil_div(w.tiles(), w.tile_block);
            const int64_t most = std::clamp<int64_t>(16 * threads / (p.groups * w.tile_tasks), 1, w.k_blocks());
            for (w.k_tasks = 1; w.k_tasks <= most; w.k_tasks = std::max(w.k_tasks + 1, w.k_tasks * 5 / 4)) {
                const double predicted = cost(w, machine, threads);
                const double whole_us = predicted + (use.once ? double(w.packed_bytes()) * pack_ns(w) / 1e3 : 0);
                const bool fits = double(w.workspace()) * threads <= p.workspace_limit();
                if (fits == best_fits ? whole_us < least_us : fits) {
                    least_us = whole_us;
                    *us = predicted;
                    best = w;
                    best_fits = fits;
                }
            }
        }
    }
    return best;
}

class Winograd : public TaskWay<WinogradPlan> {
public:
    Winograd(Facts known, const WinogradPlan& plan, const Target& target)
        : TaskWay(std::move(known), plan, target.winograd.of(plan.p.dtype)),
          pack_task_(target.winograd_pack.of(plan.p.dtype)) {}

    void pack(const void* weight, void* packed) const override { pack(weight, nullptr, packed); }
    bool pack_turned(const Turned& weight, void* packed) const override {
        pack(weight.data, &weight, packed);
        return true;
    }

private:
    void pack(const void* weight, const Turned* turned, void* packed) const {
        const WinogradPlan& w = plan_;
        const Args args{weight, turned, nullptr, packed, Activation::none};
        const int64_t count = turned ? turned->height * turned->width : w.p.taps();
        run_tasks(w, pack_task_, args, w.p.groups * w.k_blocks(), get_threads(), w.pack_workspace(count));
    }

    TaskOf<WinogradPlan> pack_task_;
};

Facts facts_of(const WinogradPlan& w, double predicted_us) {
    return {.promise = promises::winograd,
            .blocking = {{"tile", w.m},
                         {"tile_block", w.tile_block},
                         {"tiles", w.tiles()},
                         {"k_tasks", w.k_tasks},
                         {"tasks", w.tasks()}},
            .packing = {w.m, w.stride},
            .packed_bytes = w.packed_bytes(),
            .workspace_bytes = w.workspace(),
            .predicted_us = predicted_us,
            .pack_ns = pack_ns(w)};
}

}  // namespace

Offer offer_winograd(const Problem& p, const Machine& m, const Use& use) {
    const int64_t stride = p.sh / std::gcd(p.sh, p.dh), stride_x = p.sw / std::gcd(p.sw, p.dw);
    if (stride != stride_x || stride > 2)
        return {
            nullptr,
            "winograd needs a stride of 1 or 2, once what it shares with the dilation is divided out, along both axes"};
    if (stride == 2 && (2 * p.dh != p.sh || 2 * p.dw != p.sw))
        return {nullptr, "winograd needs a dilation that divides the stride where 2 is left of that"};
    if (p.kh != p.kw || p.kh < stride + 1 || p.kh > 5 * stride)
        return {nullptr, "winograd needs a square kernel of 2 to 5 at stride 1, of 3 to 10 at stride 2"};
    // The tile size decides the bits.
    double us;
    const int64_t size = plan_winograd(p, m, {deciding_threads, use.once}, 0, &us).m;
    const WinogradPlan w = plan_winograd(p, m, use, size, &us);
    return {std::make_unique<Winograd>(facts_of(w, us), w, *m.target), {}};
}

}  // namespace striate
