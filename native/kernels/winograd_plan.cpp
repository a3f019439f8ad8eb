#include "winograd.hpp"

#include "task_way.hpp"
#include "toom.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <vector>

namespace striate {
namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Microseconds of the whole call; see direct_plan.cpp for the unit of work.
double cost(const WinogradPlan& w, const Machine& m, int threads) {
    const Problem& p = w.p;
    const double size = double(w.size()), spots = double(w.spots()), tiles = double(std::min(w.tile_block, w.tiles()));
    const double max_rows = m.target->many_registers ? 14 : 6;
    const double vectors = 2 * std::ceil(double(w.k_blocks()) / double(w.k_tasks));
    const double calls = std::ceil(tiles / max_rows), channels = double(p.group_c());
    const double step = std::max(2 * tiles, tiles + 2 * calls) + calls;
    const double weight_rate = double(w.packed_bytes()) > 0.5 * m.l3_bytes ? m.stream_rate : m.memory_rate * 2;
    const double multiply = spots * vectors / 2 * (channels * step + calls * 60) / m.fma_rate;
    const double streamed = spots * vectors * double(w.lanes) * channels * 4 / weight_rate;
    const double input = double(w.c_groups()) * tiles * (spots * 5 + 2 * size * (size + double(w.m)) * 2.5);
    const double output = vectors * tiles * (spots * 4 + double(w.m * w.m) * 10);
    const double runs = std::ceil(tiles / double(w.tiles_x)) + (w.tile_block % w.tiles_x && w.tile_tasks > 1 ? 1 : 0);
    const double per_run = double(w.lanes) * (double(w.c_groups()) * size * 25 + vectors * double(w.m) * 8);
    const double crowded = double(w.workspace()) > 0.9 * m.l2_bytes ? 1.12 : 1;
    const double task_us = std::max(multiply, streamed) * crowded + (input + output + runs * per_run) / m.fma_rate;
    const double rounds = double(ceil_div(w.tasks(), threads));
    const double bytes = double((p.input_count() + p.output_count()) * p.element_bytes());
    const double beyond = bytes / double(std::min<int64_t>(threads, w.tasks())) / m.memory_rate / 2;
    return rounds * task_us + beyond + (threads > 1 && w.tasks() > 1 ? m.dispatch_us : 0) + 0.3;
}

// The cheapest block of tiles and split of the channels, for the cheapest of the tile sizes.
WinogradPlan plan_winograd(const Problem& p, const Machine& machine, int threads, std::initializer_list<int64_t> sizes,
                           double* us) {
    WinogradPlan best{};
    bool best_fits = false;
    *us = INFINITY;
    for (int64_t m : sizes) {
        WinogradPlan w{};
        w.p = p;
        w.lanes = machine.target->lanes(p.dtype);
        w.m = m;
        w.tiles_y = ceil_div(ceil_div(p.oh, p.dh), m);
        w.tiles_x = ceil_div(ceil_div(p.ow, p.dw), m);
        for (int64_t tasks = 1; tasks <= w.tiles(); tasks = std::max(tasks + 1, tasks * 9 / 8)) {
            w.tile_block = ceil_div(w.tiles(), tasks);
            w.tile_tasks = ceil_div(w.tiles(), w.tile_block);
            for (w.k_tasks = 1; w.k_tasks <= std::min<int64_t>(w.k_blocks(), threads); w.k_tasks *= 2) {
                const double predicted = cost(w, machine, threads);
                const bool fits = double(w.workspace()) * threads <= p.workspace_limit();
                if (fits == best_fits ? predicted < *us : fits) {
                    *us = predicted;
                    best = w;
                    best_fits = fits;
                }
            }
        }
    }
    return best;
}

// U = G g GT in double, rounded once.
template <int M, int R>
void transform_weight(const float* g, double* u) {
    constexpr Toom<M, R> t;
    constexpr int size = Toom<M, R>::size;
    double half[size][R];
    for (int i = 0; i < size; ++i)
        for (int s = 0; s < R; ++s) {
            half[i][s] = 0;
            for (int r = 0; r < R; ++r) half[i][s] += t.g[i][r] * double(g[r * R + s]);
        }
    for (int i = 0; i < size; ++i)
        for (int j = 0; j < size; ++j) {
            double sum = 0;
            for (int s = 0; s < R; ++s) sum += half[i][s] * t.g[j][s];
            u[i * size + j] = sum;
        }
}

class Winograd : public TaskWay<WinogradPlan> {
public:
    using TaskWay::TaskWay;

    // (group, block of two channel vectors, spot, c, k inside the block), then the weights as given.
    void pack(const void* weight, void* packed) const override {
        const WinogradPlan& w = plan_;
        const Problem& p = w.p;
        const float* from = static_cast<const float*>(weight);
        float* to = static_cast<float*>(packed);
        std::fill(to, to + p.groups * w.weight_elements(), 0.0f);
        std::copy(from, from + p.weight_count(), to + p.groups * w.weight_elements());
        const auto transform = p.kh == 5 ? (w.m == 2 ? transform_weight<2, 5> : transform_weight<4, 5>)
                                         : (w.m == 2 ? transform_weight<2, 3> : transform_weight<4, 3>);
        const int64_t spots = w.spots(), cg = p.group_c();
        std::vector<double> u(static_cast<size_t>(spots));
        for (int64_t k = 0; k < p.k; ++k) {
            const int64_t inside = k % p.group_k(), block = inside / (2 * w.lanes);
            const int64_t width = std::min<int64_t>(2, w.k_vectors() - 2 * block) * w.lanes;
            float* at = to + k / p.group_k() * w.weight_elements() + block * 2 * w.lanes * spots * cg + inside % (2 * w.lanes);
            for (int64_t c = 0; c < cg; ++c) {
                transform(from + (k * cg + c) * p.taps(), u.data());
                for (int64_t s = 0; s < spots; ++s) at[(s * cg + c) * width] = float(u[size_t(s)]);
            }
        }
    }
};

}  // namespace

Offer offer_winograd(const Problem& p, const Machine& m, int threads) {
    if (p.dtype != DType::float32) return {nullptr, "winograd computes float32 only"};
    if (p.kh != p.kw || (p.kh != 3 && p.kh != 5)) return {nullptr, "winograd needs a 3x3 or 5x5 kernel"};
    if (p.sh != 1 || p.sw != 1) return {nullptr, "winograd needs stride 1"};
    // The tile size decides the bits, so it is chosen for one thread whatever the number of threads.
    double us;
    const int64_t size = plan_winograd(p, m, 1, {2, 4}, &us).m;
    const WinogradPlan w = plan_winograd(p, m, threads, {size}, &us);
    auto way = std::make_unique<Winograd>("winograd", w, m.target->winograd_float);
    way->predicted_us = us;
    way->error_bound = p.kh == 5 ? 2.5e-5 : 1.5e-5;
    way->blocking = {{"tile", w.m}, {"tile_block", w.tile_block}, {"tiles", w.tiles()}, {"k_tasks", w.k_tasks},
                     {"tasks", w.tasks()}};
    return {std::move(way), {}};
}

}  // namespace striate
