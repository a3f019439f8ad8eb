#include "winograd.hpp"

#include "task_way.hpp"
#include "toom.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace striate {
namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Microseconds of the whole call; see direct_plan.cpp for the unit of work.
double cost(const WinogradPlan& w, const Machine& m, int threads) {
    const Problem& p = w.p;
    const double size = double(w.size()), spots = double(w.spots()), products = double(w.products());
    const double tiles = double(std::min(w.tile_block, w.tiles()));
    const double max_rows = m.target->many_registers ? 14 : 6;
    const double vectors = 2 * std::ceil(double(w.k_blocks()) / double(w.k_tasks));
    const double calls = std::ceil(tiles / max_rows), channels = double(p.group_c());
    const double step = std::max(2 * tiles, tiles + 2 * calls) + calls;
    const double chains = std::ceil(channels / double(w.chain()));
    const double multiply = products * vectors / 2 * (channels * step + chains * (calls * 25 + tiles * 2)) / m.fma_rate;
    // Weights that the last cache holds arrive while others are multiplied; more of them are waited for.
    const double weights = products * vectors * double(w.lanes) * channels * 4;
    const bool held = double(w.packed_bytes()) <= 0.5 * m.l3_bytes;
    const double product = held ? std::max(multiply, weights / m.memory_rate / 2)
                                : std::max(multiply + weights / m.memory_rate, weights / m.stream_rate);
    const double input = double(w.phases() * w.c_groups()) * tiles * (spots * 5 + 2 * size * (size + double(w.m)) * 2.5);
    const double output = vectors * tiles * (spots * 4 + double(w.m * w.m) * 10);
    const double runs = std::ceil(tiles / double(w.tiles_x)) + (w.tile_block % w.tiles_x && w.tile_tasks > 1 ? 1 : 0);
    const double per_run = double(w.lanes) * (double(w.phases() * w.c_groups()) * size * 25 + vectors * double(w.m) * 8);
    const double share = double(w.workspace()) / m.l2_bytes, crowded = share > 1.5 ? 1.12 : share > 1 ? 1.03 : 1;
    // With threads, the first lines that a task reads and writes come from another core's cache.
    const double begin = threads > 1 ? 2 : 0.1;
    const double task_us = begin + product * crowded + (input + output + runs * per_run) / m.fma_rate;
    const double rounds = double(ceil_div(w.tasks(), threads));
    const double bytes = double((p.input_count() + p.output_count()) * p.element_bytes());
    const double beyond = bytes / double(std::min<int64_t>(threads, w.tasks())) / m.memory_rate / 2;
    return rounds * task_us + beyond + (threads > 1 && w.tasks() > 1 ? m.dispatch_us : 0) + 0.3;
}

// The cheapest block of tiles and split of the channels, for outputs per tile side of `only` or, where that is 0, the cheapest.
WinogradPlan plan_winograd(const Problem& p, const Machine& machine, int threads, int64_t only, double* us) {
    WinogradPlan best{};
    bool best_fits = false;
    *us = INFINITY;
    for (const auto [m, r] : tiles) {
        WinogradPlan w{};
        w.p = p;
        w.lanes = machine.target->lanes(p.dtype);
        w.m = m;
        if (w.taps() != r || (only && m != only)) continue;
        // Beyond, rounding in tiles of 7 would come near the bound; F(5, 3) weighs the large points most.
        if (w.size() == 7 && w.phases() * p.group_c() > (m == 5 ? 256 : 512)) continue;
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

// U = G g GT in double.
template <int M, int R>
void transform_weight(const double* g, double* u) {
    constexpr Toom<M, R> t;
    constexpr int size = Toom<M, R>::size;
    double half[size][R];
    for (int i = 0; i < size; ++i)
        for (int s = 0; s < R; ++s) {
            half[i][s] = 0;
            for (int r = 0; r < R; ++r) half[i][s] += t.g[i][r] * g[r * R + s];
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

    // (group, block of two channel vectors, spot, phase, c, k inside the block), then the weights as given.
    void pack(const void* weight, void* packed) const override {
        const WinogradPlan& w = plan_;
        const Problem& p = w.p;
        const float* from = static_cast<const float*>(weight);
        float* to = static_cast<float*>(packed);
        std::fill(to, to + p.groups * w.weight_elements(), 0.0f);
        std::copy(from, from + p.weight_count(), to + p.groups * w.weight_elements());
        void (*transform)(const double*, double*) = nullptr;
        with_tile(w.m, w.taps(), [&]<int M, int R>() { transform = transform_weight<M, R>; });
        const int64_t spots = w.spots(), taps = w.taps(), cg = p.group_c();
        std::vector<double> u(static_cast<size_t>(spots * w.phases())), g(static_cast<size_t>(taps * taps));
        for (int64_t k = 0; k < p.k; ++k) {
            const int64_t inside = k % p.group_k(), block = inside / (2 * w.lanes);
            const int64_t width = std::min<int64_t>(2, w.k_vectors() - 2 * block) * w.lanes;
            float* at = to + k / p.group_k() * w.weight_elements() + block * 2 * w.lanes * w.products() * cg +
                        inside % (2 * w.lanes);
            for (int64_t c = 0; c < cg; ++c) {
                for (int64_t phase = 0; phase < w.phases(); ++phase) {
                    for (int64_t i = 0; i < taps * taps; ++i) {
                        const int64_t r = (i / taps - w.short_y(phase) * w.moved()) * p.sh + phase / p.sw;
                        const int64_t s = (i % taps - w.short_x(phase) * w.moved()) * p.sw + phase % p.sw;
                        const bool inside_kernel = r >= 0 && r < p.kh && s >= 0 && s < p.kw;
                        g[size_t(i)] = inside_kernel ? from[((k * cg + c) * p.kh + r) * p.kw + s] : 0.0f;
                    }
                    transform(g.data(), &u[size_t(phase * spots)]);
                }
                float* to_c = at + c * width;
                for (int64_t s = 0; s < spots; ++s)
                    for (int64_t phase = 0; phase < w.phases(); ++phase) {
                        if (!w.contributes(phase, s)) continue;
                        *to_c = float(u[size_t(phase * spots + s)]);
                        to_c += cg * width;
                    }
            }
        }
    }
};

}  // namespace

Offer offer_winograd(const Problem& p, const Machine& m, int threads) {
    if (p.dtype != DType::float32) return {nullptr, "winograd computes float32 only"};
    if (p.sh != p.sw || p.sh > 2) return {nullptr, "winograd needs stride 1 or 2, the same along both axes"};
    if (p.sh == 2 && (p.dh != 1 || p.dw != 1)) return {nullptr, "winograd needs dilation 1 where the stride is 2"};
    if (p.kh != p.kw || p.kh < p.sh + 1 || p.kh > 5 * p.sh)
        return {nullptr, "winograd needs a square kernel of 2 to 5 at stride 1, of 3 to 10 at stride 2"};
    // The tile size decides the bits, so it is chosen for one thread whatever the number of threads.
    double us;
    const int64_t size = plan_winograd(p, m, 1, 0, &us).m;
    const WinogradPlan w = plan_winograd(p, m, threads, size, &us);
    auto way = std::make_unique<Winograd>("winograd", w, m.target->winograd_float);
    way->predicted_us = us;
    way->error_bound = 1.5e-5;
    way->blocking = {{"tile", w.m}, {"tile_block", w.tile_block}, {"tiles", w.tiles()}, {"k_tasks", w.k_tasks},
                     {"tasks", w.tasks()}};
    return {std::move(way), {}};
}

}  // namespace striate
