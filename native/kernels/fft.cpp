#include "fft.hpp"

#include "epilogue.hpp"
#include "exact.hpp"
#include "fourier.hpp"
#include "rows.hpp"
#include "transpose.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int L = lanes<float>;
using V = Vec<float>;

struct Lane {
    int64_t image, group, tile_y, tile_x;
    bool used;
};

int64_t wrapped(int64_t i, int64_t size) { return i < 0 ? i + size : i; }

struct Task {
    const FftPlan& f;
    const Args& a;
    Lane lane[L];
    Complex *spectra, *row, *spare;
    float* lines;
    const float* twiddles;
    const float* weights;

    int64_t column_size() const { return f.columns() * f.size; }
    int64_t origin_y(const Lane& l) const { return f.whole ? 0 : l.tile_y * f.step_y - f.p.pad_top; }
    int64_t origin_x(const Lane& l) const { return f.whole ? 0 : l.tile_x * f.step_x - f.p.pad_left; }

    // Input row y of the tiles, a vector per pixel, into one half of `row`.
    bool read_row(int64_t c, int64_t y, bool imaginary) const {
        const Problem& p = f.p;
        bool any = false;
        for (int i = 0; i < L; ++i) {
            const Lane& l = lane[i];
            const int64_t at = origin_y(l) + y;
            const bool inside = l.used && y < f.size && at >= 0 && at < p.h;
            const int64_t channel = (l.image * p.c + l.group * p.group_c() + c) * p.h + at;
            copy_row<float>(lines + i * (f.size + L), inside ? static_cast<const float*>(a.x) + channel * p.w : nullptr, p.w,
                            origin_x(l), 1, f.size);
            any = any || inside;
        }
        float* const to = &spare->re[0];
        transpose_rows<float>(lines, f.size + L, f.size, to);
        for (int64_t x = 0; x < f.size; ++x) (imaginary ? row[x].im : row[x].re) = load<float>(to + x * L);
        return any;
    }

    // Rows y and y + 1 go through one complex transform, as its real and imaginary parts.
    void forward(int64_t c, Complex* to) const {
        const V half = broadcast(0.5f);
        for (int64_t y = 0; y < f.size; y += 2) {
            const bool first = read_row(c, y, false), second = read_row(c, y + 1, true);
            if (!first && !second) {
                for (int64_t k = 0; k < f.columns(); ++k) to[k * f.size + y] = to[k * f.size + y + 1] = Complex{};
                continue;
            }
            fourier(f.size, twiddles, row, spare, row);
            for (int64_t k = 0; k < f.columns(); ++k) {
                const Complex u = row[k], v = row[k ? f.size - k : 0];
                to[k * f.size + y] = {half * (u.re + v.re), half * (u.im - v.im)};
                to[k * f.size + y + 1] = {half * (u.im + v.im), half * (v.re - u.re)};
            }
        }
        for (int64_t k = 0; k < f.columns(); ++k) fourier(f.size, twiddles, to + k * f.size, spare, to + k * f.size);
    }

    // The product for output channel k of the group, summed over its input channels.
    void multiply(int64_t k, Complex* to) const {
        const int64_t cg = f.p.group_c(), count = column_size();
        for (int64_t i = 0; i < count; ++i) {
            Complex sum{};
            for (int64_t c = 0; c < cg; ++c) {
                const Complex x = spectra[c * count + i];
                Complex w;
                if (f.by_channel) {
                    const float* at = weights + (lane[0].group * f.spectrum()) + i * 2 * L;
                    w = {load<float>(at), load<float>(at + L)};
                } else {
                    const float* at = weights + (((lane[0].group * f.p.group_k() + k) * cg + c) * count + i) * 2;
                    w = {broadcast(at[0]), broadcast(at[1])};
                }
                sum = sum + Complex{x.re * w.re - x.im * w.im, x.re * w.im + x.im * w.re};
            }
            to[i] = sum;
        }
    }

    void inverse(int64_t k, Complex* from) const {
        const Problem& p = f.p;
        for (int64_t i = 0; i < f.columns(); ++i) fourier<true>(f.size, twiddles, from + i * f.size, spare, from + i * f.size);
        for (int64_t y = 0; y < f.size; y += 2) {
            bool wanted = false;
            for (const Lane& l : lane) wanted = wanted || output_row(l, y) >= 0 || output_row(l, y + 1) >= 0;
            if (!wanted) continue;
            for (int64_t i = 0; i < f.columns(); ++i) {
                const Complex u = from[i * f.size + y], v = from[i * f.size + y + 1];
                row[i] = {u.re - v.im, u.im + v.re};
                if (i > 0 && 2 * i < f.size) row[f.size - i] = {u.re + v.im, v.re - u.im};
            }
            fourier<true>(f.size, twiddles, row, spare, row);
            float* const flat = &spare->re[0];
            for (int odd = 0; odd < 2; ++odd) {
                for (int64_t x = 0; x < f.size; ++x) store<float>(flat + x * L, odd ? row[x].im : row[x].re);
                transpose_back<float>(flat, f.size, lines, f.size + L);
                for (int i = 0; i < L; ++i) {
                    const int64_t oy = output_row(lane[i], y + odd);
                    if (oy >= 0) write_row(lane[i], lane[i].group * p.group_k() + k, oy, lines + i * (f.size + L));
                }
            }
        }
    }

    // The output row that row y of the tile is, or -1.
    int64_t output_row(const Lane& l, int64_t y) const {
        if (!l.used || y >= f.size) return -1;
        const Problem& p = f.p;
        int64_t dense;
        if (f.whole) dense = (y + p.pad_top) % f.size;
        else dense = y < f.step_y ? l.tile_y * f.step_y + y : -1;
        return dense >= 0 && dense < f.dense_h() && dense % p.sh == 0 ? dense / p.sh : -1;
    }

    // `values` is the tile's row, followed by a vector's room.
    void write_row(const Lane& l, int64_t k, int64_t oy, const float* values) const {
        const Problem& p = f.p;
        const float bias = a.bias ? static_cast<const float*>(a.bias)[k] : 0.0f;
        float* out = static_cast<float*>(a.out) + ((l.image * p.k + k) * p.oh + oy) * p.ow;
        const int64_t dense0 = f.whole ? 0 : l.tile_x * f.step_x, first = ceil_div(dense0, p.sw);
        const int64_t stop = ceil_div(f.whole ? f.dense_w() : least(f.dense_w(), dense0 + f.step_x), p.sw);
        const auto place = [&](int64_t ox) { return f.whole ? wrapped(ox * p.sw - p.pad_left, f.size) : ox * p.sw - dense0; };
        if (p.sw == 1) {
            const int64_t turn = f.whole ? least(p.pad_left, stop) : first;
            emit_row<float>(out + first, values + place(first), turn - first, bias, a.activation);
            if (turn < stop) emit_row<float>(out + turn, values + place(turn), stop - turn, bias, a.activation);
        } else {
            for (int64_t ox = first; ox < stop; ++ox) out[ox] = activate_one(values[place(ox)] + bias, a.activation);
        }
        V bad{};
        for (int64_t x = 0; x + L <= f.size; x += L) bad += load<float>(values + x) * 0.0f;
        float last = 0;
        for (int64_t x = f.size / L * L; x < f.size; ++x) last += values[x] * 0.0f;
        for (int i = 0; i < L; ++i) last += bad[i];
        if (last == 0.0f) return;
        const float* weight = weights + f.weight_elements();
        for (int64_t ox = first; ox < stop; ++ox) {
            if (finite(values[place(ox)])) continue;
            const float sum = exact_sum<float>(p, static_cast<const float*>(a.x), weight, l.image, k, oy, ox);
            out[ox] = activate_one(sum + bias, a.activation);
        }
    }
};

}  // namespace

template <class T>
void fft_task(const FftPlan& f, const Args& a, int64_t task, void* memory) {
    const float* packed = static_cast<const float*>(a.packed);
    Complex* const spectra = static_cast<Complex*>(memory);
    Complex* const row = spectra + f.spectra() * f.columns() * f.size;
    Task work{f, a, {}, spectra, row, row + f.size, &row[3 * f.size].re[0], packed, packed + f.twiddle_elements()};
    for (int i = 0; i < L; ++i) {
        const int64_t place = f.by_channel ? task / f.lane_groups() : task % f.lane_groups() * L + i;
        const int64_t group = f.by_channel ? task % f.lane_groups() * L + i : task / f.lane_groups();
        const int64_t per_image = f.tiles_y * f.tiles_x;
        work.lane[i] = {place / per_image, group, place % per_image / f.tiles_x, place % f.tiles_x,
                        place < f.places() && group < f.p.groups};
    }
    const int64_t count = f.columns() * f.size;
    for (int64_t c = 0; c < f.p.group_c(); ++c) work.forward(c, spectra + c * count);
    Complex* const product = f.single() ? spectra : spectra + f.p.group_c() * count;
    for (int64_t k = 0; k < f.p.group_k(); ++k) {
        work.multiply(k, product);
        work.inverse(k, product);
    }
}

template void fft_task<float>(const FftPlan&, const Args&, int64_t, void*);

}  // namespace striate::STRIATE_TARGET
