#include "ways/winograd1d.hpp"

#include "ways/schedule.hpp"
#include "ways/task_way.hpp"
#include "simd/toom.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace striate {
namespace {

constexpr double pack_ns = 0.5;  // for each byte packed

// Microseconds of the whole call; see direct_plan.cpp for the unit of work.
double cost(const Winograd1dPlan& d, const Machine& m, int threads) {
    const Problem& p = d.p;
    const bool many = m.target->many_registers;
    const double size = double(d.size()), kr = double(d.k_block), terms = double(d.terms());
    const double vectors = double(d.band_vectors(d.rows)), chains = std::ceil(terms / 64);
    const double step = (many ? std::max(kr * size, size * 1.6 + kr * size * 0.5) : kr * size + 1.5 * size) + 1;
    // More pages than their table holds, and vectors of tiles that outgrow the first cache, slow the reads.
    const double page_share = std::min(1.0, double(d.plane() * p.element_bytes()) / 4096);
    const double pages = d.spanning ? double(d.lines()) * size * page_share : 0;
    const double crowd = std::min(terms, double(d.chain)) * size * double(d.lanes * p.element_bytes()) > 24576 ? 0.08 : 0;
    const double slow = 1.03 + std::max(crowd, std::clamp((pages - 24) / 150, 0.0, 0.35));
    const double put = 16 + 1.5 * size;
    const bool whole = d.tiles_x * d.m == p.ow && (d.spanning || d.tiles_x % d.lanes == 0);
    const double row_ends = whole ? 0 : double(d.rows * d.k_blocks) * kr * 60;
    const double multiply =
        vectors * double(d.k_blocks) * (terms * step * slow + (chains - 1) * kr * size * 3 + kr * put + 20) + row_ends;
    const double lines = double(d.lines() * (d.rows + d.shift_y()));
    const double per_vector = 24 + size * (size * 0.9 + 5) + (p.sw == 2 ? 16 : 6);
    const double gathered = p.sw > 2 ? double(d.line_elements()) * (p.sw == 4 ? 0.4 : 0.8) : 0;
    const double input = lines * (double(d.row_vectors() + 1) * per_vector + 40 + gathered);
    const double crowded = double(d.workspace()) > 0.75 * m.l2_bytes ? 1.3 : 1;
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
            .pack_ns = pack_ns};
}

}  // namespace

Offer offer_winograd1d(const Problem& p, const Machine& m, int threads) {
    if (p.sw % p.dw != 0) return {nullptr, "winograd1d needs a horizontal stride that is a multiple of the dilation"};
    const int64_t taps = ceil_div(p.kw, p.sw / p.dw);
    if (taps < 2 || taps > 5) return {nullptr, "winograd1d needs 2 to 5 taps per phase of the horizontal stride"};
    double us;
    const Winograd1dPlan d = plan_winograd1d(p, m, threads, &us);
    if (d.bands == 0) return {nullptr, "winograd1d needs fewer input channels or a smaller width"};
    return {std::make_unique<Winograd1d>(facts_of(d, us), d, m.target->winograd1d.of(p.dtype)), {}};
}

}  // namespace striate
