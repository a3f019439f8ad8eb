#include "ways/fft.hpp"

#include "base/pool.hpp"
#include "simd/epilogue.hpp"
#include "simd/fourier.hpp"
#include "simd/transpose.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int L = lanes<float>;
using V = Vec<float>;

// A tile: its first pixel in the padded image, which is the first of its outputs of stride 1 too.
struct Lane {
    int64_t image, group, y, x;
    bool used;
};

struct Task {
    const FftPlan& f;
    const Args& a;
    Lane lane[L];
    Complex *spectra, *row, *spare;  // `row` has room for a vector of numbers past its end
    const float* twiddles;
    const float* weights;

    const Problem& p;
    Limits<float> limits;
    Span<float> spans[FftPlan::largest / L][L];  // of a row's pixels, by vector and lane
    bool blank[FftPlan::largest / L];            // vectors without a pixel in any lane

    void find_spans() {
        for (int64_t x = 0; x < f.size; x += L) {
            blank[x / L] = true;
            for (int i = 0; i < L; ++i) {
                const int64_t left = lane[i].x + x - p.pad_left, size = lane[i].used ? p.w : 0;
                spans[x / L][i] = span_inside<float>(left, size);
                blank[x / L] = blank[x / L] && (left + L <= 0 || left >= size);
            }
        }
    }

    template <int Part>
    [[gnu::always_inline]] static V& part(Complex& value) {
        return Part ? value.im : value.re;
    }

    // Row y of the tiles, a vector per pixel, into one half of `row`; false where it is zero.
    template <int Part>
    bool read_row(int64_t c, int64_t y) const {
        const float* from[L];
        bool any = false;
        for (int i = 0; i < L; ++i) {
            const Lane& l = lane[i];
            const int64_t at = l.y + y - p.pad_top;
            const bool inside = l.used && y < f.size && at >= 0 && at < p.h;
            const int64_t channel = l.image * p.c + l.group * p.group_c() + c;
            from[i] = inside ? static_cast<const float*>(a.x) + (channel * p.h + at) * p.w + l.x - p.pad_left : nullptr;
            any = any || inside;
        }
        for (int64_t x = 0; x < f.size; x += L) {
            V v[L];
            if (any && !blank[x / L]) {
                for (int i = 0; i < L; ++i) v[i] = from[i] ? load_span<float>(from[i] + x, spans[x / L][i]) : V{};
                transpose<float>(v);
                static_for<L>([&](auto j) INLINE { part<Part>(row[x + j]) = v[j]; });
            } else {
                static_for<L>([&](auto j) INLINE { part<Part>(row[x + j]) = V{}; });
            }
        }
        return any;
    }

    // Rows y and y + 1 go through one complex transform, as its real and imaginary parts. Leaves out a factor of a
    // half, and the transform of the columns.
    void forward_rows(int64_t c, Complex* to) const {
        for (int64_t y = 0; y < f.size; y += 2) {
            const bool first = read_row<0>(c, y), second = read_row<1>(c, y + 1);
            if (!first && !second) {
                for (int64_t k = 0; k < f.columns(); ++k) to[k * f.pitch() + y] = to[k * f.pitch() + y + 1] = Complex{};
                continue;
            }
            fourier(f.size, twiddles, row, spare, row);
            for (int64_t k = 0; k < f.columns(); ++k) {
                const Complex u = row[k], v = row[k ? f.size - k : 0];
                to[k * f.pitch() + y] = {u.re + v.re, u.im - v.im};
                to[k * f.pitch() + y + 1] = {u.im + v.im, v.re - u.re};
            }
        }
    }

    void forward_column(Complex* column) const { fourier(f.size, twiddles, column, spare, column); }

    // A column of output channel k's spectrum: the products with those of the group's input channels, summed, and its
    // inverse transform.
    void inverse_column(int64_t k, int64_t column, Complex* to) const {
        const int64_t cg = p.group_c(), all = f.columns() * f.size;
        const float* const first =
            weights + (f.by_channel ? lane[0].group * f.spectrum() + column * f.size * 2 * L
                                    : ((lane[0].group * p.group_k() + k) * cg * all + column * f.size) * 2);
        for (int64_t c = 0; c < cg; ++c) {
            const Complex* from = spectra + (c * f.columns() + column) * f.pitch();
            const float* at = first + c * all * 2;
            const auto each = [&](auto weight) INLINE {
                for (int64_t i = 0; i < f.size; ++i) {
                    const Complex x = from[i], w = weight(i),
                                  product = {x.re * w.re - x.im * w.im, x.re * w.im + x.im * w.re};
                    to[i] = c ? to[i] + product : product;
                }
            };
            if (f.by_channel)
                each([=](int64_t i) { return Complex{load<float>(at + i * 2 * L), load<float>(at + i * 2 * L + L)}; });
            else each([=](int64_t i) { return Complex{broadcast(at[i * 2]), broadcast(at[i * 2 + 1])}; });
        }
        fourier<true>(f.size, twiddles, to, spare, to);
    }

    void inverse_rows(int64_t k, const Complex* from) const {
        for (int64_t y = 0; y < f.step_y; y += 2) {
            bool wanted = false;
            for (const Lane& l : lane) wanted = wanted || output_row(l, y) >= 0 || output_row(l, y + 1) >= 0;
            if (!wanted) continue;
            for (int64_t i = 0; i < f.columns(); ++i) {
                const Complex u = from[i * f.pitch() + y], v = from[i * f.pitch() + y + 1];
                row[i] = {u.re - v.im, u.im + v.re};
                if (i > 0 && 2 * i < f.size) row[f.size - i] = {u.re + v.im, v.re - u.im};
            }
            fourier<true>(f.size, twiddles, row, spare, row);
            write_row<0>(k, y);
            write_row<1>(k, y + 1);
        }
    }

    // The output row that row y of the tile is, or -1.
    int64_t output_row(const Lane& l, int64_t y) const {
        const int64_t dense = l.y + y;
        return l.used && y < f.step_y && dense < f.dense_h() && dense % p.sh == 0 ? dense / p.sh : -1;
    }

    template <int Part>
    void write_row(int64_t k, int64_t y) const {
        int64_t oy[L], columns[L];
        float* out[L];
        V bias{}, bad{};
        for (int i = 0; i < L; ++i) {
            const Lane& l = lane[i];
            const int64_t channel = l.group * p.group_k() + k;
            oy[i] = output_row(l, y);
            columns[i] = oy[i] < 0 ? 0 : least(f.step_x, f.dense_w() - l.x);
            out[i] = static_cast<float*>(a.out) + ((l.image * p.k + channel) * p.oh + oy[i]) * p.ow;
            if (a.bias && oy[i] >= 0) bias[i] = static_cast<const float*>(a.bias)[channel];
        }
        for (int64_t x = 0; x < f.step_x; x += L) {
            V v[L];
            static_for<L>([&](auto j) INLINE {
                const V sum = part<Part>(row[x + j]);
                if (x + j < f.step_x) bad += sum * 0.0f;
                v[j] = limits.clamp(sum + bias);
            });
            transpose<float>(v);
            for (int i = 0; i < L; ++i) {
                const int64_t count = least<int64_t>(L, columns[i] - x), dense = lane[i].x + x;
                if (count <= 0) continue;
                if (p.sw == 1) store_first<float>(out[i] + dense, v[i], count);
                else
                    for (int64_t ox = ceil_div(dense, p.sw); ox * p.sw < dense + count; ++ox)
                        out[i][ox] = v[i][ox * p.sw - dense];
            }
        }
        for (int i = 0; i < L; ++i)
            if (columns[i] > 0 && bad[i] != 0.0f) return a.spoil();
    }
};

}  // namespace

template <class T>
void fft_task(const FftPlan& f, const Args& a, const Unit& unit) {
    const float* packed = static_cast<const float*>(a.packed);
    Complex* const spectra = static_cast<Complex*>(unit.memory);
    Complex* const row = spectra + f.spectra() * f.columns() * f.pitch();
    Task work{f,      a,
              {},     spectra,
              row,    row + f.size + L,
              packed, packed + f.twiddle_elements(),
              f.p,    Limits<float>(a.activation),
              {},     {}};
    for (int i = 0; i < L; ++i) {
        const int64_t place = f.by_channel ? unit.task / f.lane_groups() : unit.task % f.lane_groups() * L + i;
        const int64_t group = f.by_channel ? unit.task % f.lane_groups() * L + i : unit.task / f.lane_groups();
        const int64_t per_image = f.tiles_y * f.tiles_x;
        const bool used = place < f.places() && group < f.p.groups;
        const int64_t y = place % per_image / f.tiles_x * f.step_y, x = place % f.tiles_x * f.step_x;
        work.lane[i] = {place / per_image, group, y, x, used};
    }
    work.find_spans();
    const int64_t columns = f.columns(), pitch = f.pitch();
    for (int64_t c = 0; c < f.p.group_c(); ++c) {
        Complex* const to = spectra + c * columns * pitch;
        work.forward_rows(c, to);
        for (int64_t i = 0; i < columns && !f.single(); ++i) work.forward_column(to + i * pitch);
    }
    Complex* const product = f.single() ? spectra : spectra + f.p.group_c() * columns * pitch;
    for (int64_t k = 0; k < f.p.group_k(); ++k) {
        for (int64_t i = 0; i < columns; ++i) {
            if (f.single()) work.forward_column(product + i * pitch);
            work.inverse_column(k, i, product + i * pitch);
        }
        work.inverse_rows(k, product);
    }
}

template void fft_task<float>(const FftPlan&, const Args&, const Unit&);

}  // namespace striate::STRIATE_TARGET
