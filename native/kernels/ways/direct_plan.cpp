#include "ways/direct.hpp"

#include "ways/pack.hpp"
#include "ways/schedule.hpp"
#include "ways/task_way.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace striate {
namespace {

// What a call's parts cost, in slots of one vector multiply-add where nothing else is said. `python benchmarks/costs.py
// direct` measures them: for each, shapes that differ in it, with the times measured and predicted.
struct Costs {
    double load = 2;          // an unaligned load of pixels
    double step = 1;          // a step of the register block, beside its multiply-adds and loads
    double sum = 4;           // a vector of sums, at the end of a chain
    double block = 30;        // a register block, for each chain
    double output = 3;        // a vector of outputs
    double place = 4;         // finding where a vector of pixels goes
    double place_apart = 24;  // the same, where columns between rows are dropped
    double row = 12;          // a row of the slab
    double copy_1 = 1.5;      // bytes that could be copied while one of the slab is filled, by stride
    double copy_2 = 3, copy_4 = 2.5, copy_other = 8;
    double crowded_from = 0.75;  // share of the second cache from which scratch spills,
    double crowded = 1.5;        // and what that multiplies
    double pack_ns = 0.1;        // packing, for each byte packed
};
constexpr Costs costs;

// Microseconds of the whole call.
double cost(const DirectPlan& d, const Machine& m, int threads) {
    const Problem& p = d.p;
    const double pixel_vectors = double(ceil_div(d.band_pixels(d.rows), d.lanes)), blocks = double(d.pixel_blocks());
    const Schedule schedule{m, threads, p.n, d.group_tasks, d.bands, d.k_tasks};
    const double nv = pixel_vectors / blocks, kr = double(d.k_block), k_blocks = schedule.blocks_each(d.k_blocks);
    const double channel_bytes = double((d.in_place ? p.h * p.w : d.channel_elements()) * p.element_bytes());
    const double paging =
        Machine::paging(double(std::min(d.c_block, d.chain_channels())), channel_bytes) / double(p.taps());
    const double step = std::max(kr * nv, costs.load * nv + (m.target->many_registers ? 0 : kr)) + costs.step + paging;
    const double c_blocks = double(ceil_div(p.group_c(), d.c_block));
    const double chains = std::max(c_blocks, double(ceil_div(p.group_c() * p.taps(), d.chain())));
    double slots =
        k_blocks * blocks * (double(p.group_c() * p.taps()) * step + chains * (costs.sum * kr * nv + costs.block));
    slots += k_blocks * pixel_vectors * (costs.output * kr + (d.pitch == p.ow ? costs.place : costs.place_apart)) +
             double(c_blocks * double(d.c_block * p.taps()));
    double copied = 0;
    if (!d.in_place) {
        const double elements = double(p.group_c() * d.channel_elements());
        copied = elements * double(p.element_bytes()) *
                 (p.sw == 1   ? costs.copy_1
                  : p.sw == 2 ? costs.copy_2
                  : p.sw == 4 ? costs.copy_4
                              : costs.copy_other);
        slots += elements / double(d.pitch) * costs.row;
    }
    const double spill = double(d.workspace()) > costs.crowded_from * m.l2_bytes ? costs.crowded : 1;
    // Pixels that the first cache does not hold come from the second for every block of output channels.
    const double pixels =
        double(p.group_c()) * (d.in_place ? pixel_vectors * double(d.lanes) : double(d.channel_elements()));
    const double held = pixels * double(p.element_bytes());
    const double read = held > m.l1_bytes / 2 ? held * k_blocks : d.in_place ? held : 0;
    const double compute_us = spill * (slots / m.fma_rate + copied / m.cache_rate);
    const double task_us = double(d.group_block) * Machine::beside(compute_us, read / m.read_rate(0));
    const double bytes = double((p.input_count() + p.output_count()) * p.element_bytes() + int64_t(d.packed_bytes()));
    const double runs = d.bands > 1 ? double(d.group_block * d.k_block) * k_blocks : 0;
    return schedule.call_us(task_us + Schedule::begin(runs), bytes);
}

DirectPlan shape_of(const Problem& problem, const Machine& m) {
    DirectPlan d{};
    d.p = problem;
    Problem& p = d.p;
    d.lanes = m.target->lanes(p.dtype);
    if (p.pointwise() && p.sh == 1 && p.sw == 1) {
        p.h = p.oh = p.h * p.w;
        p.w = p.ow = 1;
    }
    const int64_t k_max = m.target->many_registers ? 8 : 4;
    d.k_blocks = ceil_div(p.group_k(), k_max);
    d.k_block = ceil_div(p.group_k(), d.k_blocks);
    d.vectors = direct_vectors(d.k_block, m.target->many_registers);
    // The last block moves back, within the pixels. Rows a multiple of 4 KiB apart share a cache set: copy them.
    const int64_t pixels = p.h * p.w;
    d.in_place = p.pointwise() && p.sh == 1 && p.sw == 1 && pixels * p.element_bytes() % 4096 != 0 &&
                 (pixels >= d.vectors * d.lanes || pixels % d.lanes == 0);
    d.phases_y = std::min(p.kh, p.sh / std::gcd(p.sh, p.dh));
    d.phases_x = std::min(p.kw, p.sw / std::gcd(p.sw, p.dw));
    d.shift_y = (p.kh - 1) * p.dh / p.sh;
    d.shift_x = (p.kw - 1) * p.dw / p.sw;
    d.pitch = p.ow + d.shift_x;
    d.rows = p.oh;
    d.bands = 1;
    d.c_block = p.group_c();
    d.group_block = 1;
    d.group_tasks = p.groups;
    d.k_tasks = 1;
    return d;
}

// The cheapest split into bands, channel blocks and channel tasks.
DirectPlan plan_direct(const Problem& problem, const Machine& m, int threads, double* us) {
    const DirectPlan shape = shape_of(problem, m);
    const Problem& p = shape.p;
    const int64_t quantum = p.ow == 1 ? shape.lanes : 1;
    DirectPlan best{};
    *us = INFINITY;
    for (int64_t pieces = 1; pieces <= std::max<int64_t>(1, ceil_div(p.oh, quantum)) && pieces <= 4096;
         pieces = std::max(pieces + 1, pieces * 5 / 4)) {
        DirectPlan d = shape;
        d.rows = ceil_div(ceil_div(p.oh, pieces), quantum) * quantum;
        d.bands = ceil_div(p.oh, d.rows);
        // The last block of the last band, moved back, may not reach into the band before.
        const int64_t last = p.oh - (d.bands - 1) * d.rows;
        if (d.in_place && last % d.lanes != 0 && last < d.vectors * d.lanes) continue;
        for (int64_t parts = 1; parts <= p.group_c(); parts *= 2) {
            d.c_block =
                std::min(p.group_c(), ceil_div(ceil_div(p.group_c(), parts), d.chain_channels()) * d.chain_channels());
            for (int64_t k_tasks = 1; k_tasks <= std::min<int64_t>(d.k_blocks, 2 * threads); k_tasks *= 2) {
                d.k_tasks = k_tasks;
                for (int64_t groups = 1; groups <= p.groups; groups *= 2) {
                    d.group_block = groups;
                    d.group_tasks = ceil_div(p.groups, groups);
                    const double predicted = cost(d, m, threads);
                    if (predicted < *us) {
                        *us = predicted;
                        best = d;
                    }
                }
            }
            if (d.c_block <= d.chain_channels()) break;
        }
    }
    return best;
}

class Direct : public TaskWay<DirectPlan> {
public:
    using TaskWay::TaskWay;

    void pack(const void* weight, void* packed) const override {
        with_element(plan_.p.dtype, [&]<class T>() { pack_as<T>(weight, packed); });
    }

private:
    // (group, k block, c, tap, k inside the block); channels past the group's last weigh zero.
    template <class T>
    void pack_as(const void* weight, void* packed) const {
        const DirectPlan& d = plan_;
        const int64_t reds = d.p.group_c() * d.p.taps(), group_k = d.p.group_k();
        each(d.p.groups * d.k_blocks, packing_threads(d.packed_bytes()), [&](int64_t i) {
            const int64_t group = i / d.k_blocks, k0 = i % d.k_blocks * d.k_block;
            const T* const from = static_cast<const T*>(weight) + (group * group_k + k0) * reds;
            T* const to = static_cast<T*>(packed) + i * d.k_block * reds;
            interleave_filters(from, reds, std::min(d.k_block, group_k - k0), d.k_block, to);
        });
    }
};

Facts facts_of(const DirectPlan& d, double predicted_us) {
    return {.promise = promises::direct,
            .blocking = {{"k_block", d.k_block},
                         {"pixel_block", d.vectors * d.lanes},
                         {"rows", d.rows},
                         {"c_block", d.c_block},
                         {"group_block", d.group_block},
                         {"tasks", d.tasks()}},
            .packing = {d.k_block},
            .packed_bytes = d.packed_bytes(),
            .workspace_bytes = d.workspace(),
            .predicted_us = predicted_us,
            .pack_ns = costs.pack_ns};
}

}  // namespace

Offer offer_direct(const Problem& p, const Machine& m, const Use& use) {
    double us;
    const DirectPlan d = plan_direct(p, m, use.threads, &us);
    return {std::make_unique<Direct>(facts_of(d, us), d, m.target->direct.of(p.dtype)), {}};
}

}  // namespace striate
