#include "ways/fft.hpp"

#include "ways/schedule.hpp"
#include "ways/task_way.hpp"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>

namespace striate {
namespace {

// What a call's parts cost, in slots of one vector multiply-add where nothing else is said. `python benchmarks/costs.py
// fft` measures them: for each, shapes that differ in it, with the times measured and predicted.
struct Costs {
    double radix = 3.6;         // powers of two that a pass takes
    double pass = 9;            // a number of a line in a pass,
    double line = 3;            // and once for the line
    double read = 32;           // reading: a number of two rows, transposed
    double product = 8;         // a product of spectra
    double write = 38;          // writing: a number of two rows, transposed,
    double lane = 40;           // and each lane of two rows
    double crowded_from = 0.4;  // share of the second cache from which scratch leaves too little to the weights,
    double crowded_to = 0.5;    // up to so much more,
    double crowded = 0.45;      // which then adds that
    double pack_ns = 2.5;       // packing, for each byte packed
};
constexpr Costs costs;

// Microseconds of the whole call.
double cost(const FftPlan& f, const Machine& m, int threads) {
    const Problem& p = f.p;
    const double size = double(f.size), columns = double(f.columns()),
                 passes = std::ceil(std::log2(size) / costs.radix);
    const double line = size * (passes * costs.pass + costs.line);
    const double rows_in = std::min(size, double(p.h) + 2) / 2, rows_out = double(f.step_y) / 2;
    const double cg = double(p.group_c()), kg = double(p.group_k());
    double slots = cg * (rows_in * (line + size * costs.read) + columns * line);
    slots += kg * (columns * (line + cg * size * costs.product) +
                   rows_out * (line + size * costs.write + double(f.lanes) * costs.lane));
    const double crowded =
        1 + costs.crowded *
                std::clamp((double(f.workspace()) / m.l2_bytes - costs.crowded_from) / costs.crowded_to, 0.0, 1.0);
    const double bytes = double((p.input_count() + p.output_count()) * 4 + int64_t(f.packed_bytes()));
    return Schedule{m, threads, 1, 1, f.tasks(), 1}.call_us(slots * crowded / m.fma_rate, bytes);
}

// The cheapest tile whose workspace is within bounds; an infinite cost where there is none. The tile decides the bits,
// so it does not depend on the number of threads.
FftPlan plan_fft(const Problem& p, const Machine& m, double* us) {
    FftPlan best{};
    *us = INFINITY;
    for (int64_t size : FftPlan::sizes) {
        FftPlan f{};
        f.p = p;
        f.lanes = m.target->lanes(p.dtype);
        f.size = size;
        const bool whole = size >= p.h + std::max(p.pad_top, p.pad_bottom) &&
                           size >= p.w + std::max(p.pad_left, p.pad_right) && size >= f.dense_h() &&
                           size >= f.dense_w();
        f.step_y = whole ? f.dense_h() : size - f.extent_y() + 1;
        f.step_x = whole ? f.dense_w() : size - f.extent_x() + 1;
        if (f.step_y < 1 || f.step_x < 1) continue;
        f.tiles_y = whole ? 1 : ceil_div(f.dense_h(), f.step_y);
        f.tiles_x = whole ? 1 : ceil_div(f.dense_w(), f.step_x);
        for (bool by_channel : {false, true}) {
            f.by_channel = by_channel;
            if (by_channel && !f.single()) continue;
            if (4 * double(f.workspace()) > p.workspace_limit()) continue;
            if (double(f.packed_bytes()) > 256e6) continue;
            const double predicted = cost(f, m, deciding_threads);
            if (predicted < *us) {
                *us = predicted;
                best = f;
            }
        }
    }
    return best;
}

using Complexes = std::vector<std::complex<double>>;

class Fft : public TaskWay<FftPlan> {
public:
    using TaskWay::TaskWay;

    // The roots of unity; the conjugate spectra, scaled by 1 / (2 size^2), with lanes innermost where those are
    // channels.
    void pack(const void* weight, void* packed) const override {
        const FftPlan& f = plan_;
        const float* from = static_cast<const float*>(weight);
        float* const twiddles = static_cast<float*>(packed);
        float* const to = twiddles + f.twiddle_elements();
        std::fill(twiddles, to + f.weight_elements(), 0.0f);
        Complexes roots(static_cast<size_t>(f.size));
        for (int64_t j = 0; j < f.size; ++j) {
            roots[size_t(j)] = std::polar(1.0, -2 * std::numbers::pi * double(j) / double(f.size));
            twiddles[2 * j] = float(roots[size_t(j)].real());
            twiddles[2 * j + 1] = float(roots[size_t(j)].imag());
        }
        const int64_t count = f.columns() * f.size;
        for (int64_t i = 0; i < f.p.k * f.p.group_c(); ++i) {
            const Complexes spectrum = spectrum_of(from + i * f.p.taps(), roots);
            for (int64_t j = 0; j < count; ++j) {
                const int64_t width = f.by_channel ? f.lanes : 1;
                float* at = to + (i / width * count + j) * 2 * width + i % width;
                at[0] = float(spectrum[size_t(j)].real());
                at[width] = float(-spectrum[size_t(j)].imag());
            }
        }
    }

private:
    // Indexed [column frequency][row frequency]; taps past the tile's side wrap.
    Complexes spectrum_of(const float* w, const Complexes& roots) const {
        const FftPlan& f = plan_;
        const double scale = 0.5 / double(f.size * f.size);
        Complexes rows(size_t(f.p.kh * f.columns())), result(size_t(f.columns() * f.size));
        for (int64_t r = 0; r < f.p.kh; ++r)
            for (int64_t k = 0; k < f.columns(); ++k)
                for (int64_t s = 0; s < f.p.kw; ++s)
                    rows[size_t(r * f.columns() + k)] +=
                        double(w[r * f.p.kw + s]) * scale * roots[size_t(s * f.p.dw * k % f.size)];
        for (int64_t k = 0; k < f.columns(); ++k)
            for (int64_t j = 0; j < f.size; ++j)
                for (int64_t r = 0; r < f.p.kh; ++r)
                    result[size_t(k * f.size + j)] +=
                        rows[size_t(r * f.columns() + k)] * roots[size_t(r * f.p.dh * j % f.size)];
        return result;
    }
};

Facts facts_of(const FftPlan& f, double predicted_us) {
    return {.promise = promises::fft,
            .blocking = {{"tile", f.size},
                         {"tiles", f.places()},
                         {"lanes_are_channels", f.by_channel},
                         {"tasks", f.tasks()}},
            .packing = {f.size, f.by_channel, f.p.dh, f.p.dw},
            .packed_bytes = f.packed_bytes(),
            .workspace_bytes = f.workspace(),
            .predicted_us = predicted_us,
            .pack_ns = costs.pack_ns};
}

}  // namespace

Offer offer_fft(const Problem& p, const Machine& m, const Use& use) {
    double us;
    const FftPlan f = plan_fft(p, m, &us);
    if (!std::isfinite(us))
        return {nullptr, "no tile of the fft is both larger than the kernel and within the workspace"};
    return {std::make_unique<Fft>(facts_of(f, cost(f, m, use.threads)), f, m.target->fft.of(p.dtype)), {}};
}

}  // namespace striate
