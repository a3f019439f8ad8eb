#include "ways/winograd1d.hpp"

#include "simd/toom.hpp"
#include "ways/schedule.hpp"
#include "ways/task_way.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace striate {
namespace {

// What a call's parts cost, in slots of one vector multiply-add where nothing else is said. `python benchmarks/costs.py
// winograd1d` measures them: for each, shapes that differ in it, with the times measured and predicted.
struct Costs {
    double load = 1.6;                 // with many registers: a point's load,
    double multiply = 0.5;             // and a multiply-add beside it, where these take longer than the multiply-adds
    double few_load = 1.5;             // with few registers: a point's load, beside the multiply-adds
    double step = 1;                   // a term, beside them
    double slow = 1.03;                // what they take longer in any case,
    double crowd = 0.08;               // where a chain's vectors outgrow the first cache,
    double crowd_bytes = 24576;        // from so many bytes on,
    double page = 150;                 // and where spanning touches as many pages more
    double pages_from = 24;            // than so many,
    double pages_most = 0.35;          // but no more than that
    double put = 16;                   // transforming back and storing: a channel of a register block,
    double put_point = 1.5;            // and each of its points
    double sum = 3;                    // a vector of sums, at the end of a chain but the last
    double block = 20;                 // a register block
    double row_end = 60;               // a channel's row of outputs that does not end with a vector
    double vector = 24;                // transforming the input: a vector of tiles,
    double point = 5;                  // each of its points,
    double transform = 0.9;            // and each of those for each pixel;
    double pixels = 6, pixels_2 = 16;  // its pixels, and those of stride 2
    double gather = 0.8, gather_4 = 0.4;  // a pixel of other strides, and of stride 4
    double row = 40;                      // a row of the input
    double crowded_from = 0.75;           // share of the second cache from which scratch spills,
    double crowded = 1.3;                 // and what that multiplies
    double pack_ns = 0.5;                 // packing, for each byte packed
};
constexpr Costs costs;

// Microseconds of the whole call.
double cost(const Winograd1dPlan& d, const Machine& m, int threads) {
    const Problem& p = d.p;
    const bool many = m.target->many_registers;
    const double size = double(d.size()), kr = double(d.k_block), terms = double(d.terms());
    const double vectors = double(d.band_vectors(d.rows)), chains = std::ceil(terms / 64);
    const double step = (many ? std::max(kr * size, size * costs.load + kr * size * costs.multiply)
                              : kr * size + costs.few_load * size) +
                        costs.step;
    // More pages than their table holds, and vectors of tiles that outgrow the first cache, slow the reads.
    const double page_share = std::min(1.0, double(d.plane() * p.element_bytes()) / 4096);
    const double pages = d.spanning ? double(d.lines()) * size * page_share : 0;
    const double crowd =
        std::min(terms, double(d.chain)) * size * double(d.lanes * p.element_bytes()) > costs.crowd_bytes ? costs.crowd
                                                                                                          : 0;
    const double slow =
        costs.slow + std::max(crowd, std::clamp((pages - costs.pages_from) / costs.page, 0.0, costs.pages_most));
    const double put = costs.put + costs.put_point * size;
    const bool whole = d.tiles_x * d.m == p.ow && (d.spanning || d.tiles_x % d.lanes == 0);
    const double row_ends = whole ? 0 : double(d.rows * d.k_blocks) * kr * costs.row_end;
    const double multiply = vectors * double(d.k_blocks) *
                                (terms * step * slow + (chains - 1) * kr * size * costs.sum + kr * put + costs.block) +
                            row_ends;
    const double lines = double(d.lines() * (d.rows + d.shift_y()));
    const double per_vector =
        costs.vector + size * (size * costs.transform + costs.point) + (p.sw == 2 ? costs.pixels_2 : costs.pixels);
    const double gathered = p.sw > 2 ? double(d.line_elements()) * (p.sw == 4 ? costs.gather_4 : costs.gather) : 0;
    const double input = lines * (double(d.row_vectors() + 1) * per_vector + costs.row + gathered);
    const double crowded = double(d.workspace()) > costs.crowded_from * m.l2_bytes ? costs.crowded : 1;
    const double weights = double(d.weight_elements()) * 4, turns = std::ceil(vectors / double(d.turn()));
    const double read_us = weights * turns / m.read_rate(weights * double(p.groups));
    const double begin = Schedule::begin(d.bands > 1 ? double(p.group_k()) : 0);
    const double task_us = begin + Machine::beside(crowded * (multiply + input) / m.fma_rate, read_us);
    const Schedule schedule{m, threads, p.n, p.groups, d.bands, 1};
    return schedule.call_us(task_us, double((p.input_count() + p.output_count()) * p.element_bytes()));
}

// The cheapest split into bands; no bands where the transformed rows of a single output row take too much room.
Winograd1dPlan plan_winograd1d(const Problem& p, const Machine& machine, int threads, double* us) {
    Winograd1dPlan d{};
    d.p = p;
    d.lanes = machine.target->lanes(p.dtype);
    d.step = p.dw;
    d.phases_x = std::min(p.kw, p.sw / p.dw);
    d.phases_y = std::min(p.kh, p.sh / std::gcd(p.sh, p.dh));
    d.taps = ceil_div(p.kw, p.sw / p.dw);
    d.tiles_x = ceil_div(p.ow, d.m);
    const int64_t row_bytes = p.ow * p.element_bytes();
    const bool aligned_rows = row_bytes % machine.target->vector_bytes == 0;
    d.stream = aligned_rows && double((p.input_count() + p.output_count()) * p.element_bytes()) > machine.l3_bytes;
    const int64_t most = winograd1d_channels(d.size(), machine.target->many_registers);
    d.k_blocks = ceil_div(p.group_k(), most);
    d.k_block = ceil_div(p.group_k(), d.k_blocks);
    Winograd1dPlan best{};
    bool best_fits = false;
    *us = INFINITY;
    for (int64_t pieces = 1; pieces <= p.oh && pieces <= 4096; pieces = std::max(pieces + 1, pieces * 5 / 4)) {
        d.rows = ceil_div(p.oh, pieces);
        d.bands = ceil_div(p.oh, d.rows);
        for (const bool spanning : {false, true}) {
            d.spanning = spanning;
            const double predicted = cost(d, machine, threads);
            if (double(d.workspace()) > p.workspace_limit()) continue;
            const bool fits = double(d.workspace()) * threads <= p.workspace_limit();
            if (fits == best_fits ? predicted < *us : fits) {
                *us = predicted;
                best = d;
                best_fits = fits;
            }
        }
    }
    return best;
}

// to[point] = G g, in double.
template <int R>
void transform_weight(const double* g, double* to) {
    constexpr Toom<int(Winograd1dPlan::m), R> t;
    for (int i = 0; i < t.size; ++i) {
        to[i] = 0;
        for (int j = 0; j < R; ++j) to[i] += t.g[i][j] * g[j];
    }
}

class Winograd1d : public TaskWay<Winograd1dPlan> {
public:
    using TaskWay::TaskWay;

    // (group, k block, c, phase, kernel row, point, k inside the block); channels past the group's last weigh zero.
    void pack(const void* weight, void* packed) const override {
        const Winograd1dPlan& d = plan_;
        const Problem& p = d.p;
        const float* from = static_cast<const float*>(weight);
        float* const to = static_cast<float*>(packed);
        float* const tail = to + p.groups * d.weight_elements();
        std::fill(to, tail + 1, 0.0f);
        const auto transform = d.taps == 2   ? transform_weight<2>
                               : d.taps == 3 ? transform_weight<3>
                               : d.taps == 4 ? transform_weight<4>
                                             : transform_weight<5>;
        for (int64_t k = 0; k < p.k; ++k) {
            const int64_t inside = k % p.group_k();
            float* at = to + k / p.group_k() * d.weight_elements() +
                        inside / d.k_block * d.k_block * d.terms() * d.size() + inside % d.k_block;
            for (int64_t c = 0; c < p.group_c(); ++c)
                for (int64_t px = 0; px < d.phases_x; ++px)
                    for (int64_t r = 0; r < p.kh; ++r) {
                        double taps[5] = {}, points[8];
                        for (int64_t s = px; s < p.kw; s += p.sw / p.dw)
                            taps[s / (p.sw / p.dw)] = double(from[((k * p.group_c() + c) * p.kh + r) * p.kw + s]);
                        transform(taps, points);
                        for (int64_t i = 0; i < d.size(); ++i, at += d.k_block) {
                            *at = float(points[i]);
                            if (!(std::abs(points[i]) < 1e8)) *tail = 1;
                        }
                    }
        }
    }
};

Facts facts_of(const Winograd1dPlan& d, double predicted_us) {
    return {.promise = promises::winograd1d,
            .blocking = {{"k_block", d.k_block}, {"rows", d.rows}, {"spanning", d.spanning}, {"tasks", d.tasks()}},
            .packing = {d.k_block, d.p.sw / d.p.dw},
            .packed_bytes = d.packed_bytes(),
            .workspace_bytes = d.workspace(),
            .predicted_us = predicted_us,
            .pack_ns = costs.pack_ns};
}

}  // namespace

Offer offer_winograd1d(const Problem& p, const Machine& m, const Use& use) {
    if (p.sw % p.dw != 0) return {nullptr, "winograd1d needs a horizontal stride that is a multiple of the dilation"};
    const int64_t taps = ceil_div(p.kw, p.sw / p.dw);
    if (taps < 2 || taps > 5) return {nullptr, "winograd1d needs 2 to 5 taps per phase of the horizontal stride"};
    double us;
    const Winograd1dPlan d = plan_winograd1d(p, m, use.threads, &us);
    if (d.bands == 0) return {nullptr, "winograd1d needs fewer input channels or a smaller width"};
    return {std::make_unique<Winograd1d>(facts_of(d, us), d, m.target->winograd1d.of(p.dtype)), {}};
}

}  // namespace striate
