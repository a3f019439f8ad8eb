#include "ways/input_gradient.hpp"

#include "simd/rows.hpp"
#include "simd/transpose.hpp"
#include "ways/gemm_block.hpp"
#include "ways/target.hpp"

namespace striate::STRIATE_TARGET {
namespace {

constexpr int L = lanes<float>;
constexpr int line = 16;  // numbers per cache line

// Which lanes of a vector of pixels a kernel column meets, and where its sums stand.
struct Meeting {
    Span<float> span;
    int64_t offset;
};

struct Task {
    const InputGradientPlan& d;
    const Args& a;
    int64_t group, c0, channels;
    Meeting* meetings;
    float *weights, *sums, *turned, *frames, *row;

    const Problem& p = d.p;
    int64_t plane = p.oh * p.ow, reds = p.group_k(), taps = p.taps();
    int64_t vectors = d.column_vectors(), blocks = d.column_blocks(), pitch = d.turned_pitch();
    // The first filter's weights, and from one filter to the next.
    int64_t weight_pitch = p.group_c() * taps;
    const float* weight = static_cast<const float*>(a.packed) + group * reds * weight_pitch + c0 * taps;
    int64_t phase_width = d.phase_width(), frame_row = p.sw * phase_width, frame = d.frame_elements();
    const Limits<float> limits{a.activation};

    int64_t block_start(int64_t block) const { return block * vectors / blocks * L; }

    // [chain][block of columns][filter][column inside the block]; columns past the task's last weigh zero.
    void pack() const {
        constexpr int64_t ahead = 8;
        const int64_t columns = channels * taps;
        const float* from = weight;
        for (int64_t k = 0; k < reds; ++k, from += weight_pitch) {
            const int64_t first = k / InputGradientPlan::chain * InputGradientPlan::chain;
            const int64_t held = least(InputGradientPlan::chain, reds - first);
            if (k + ahead < reds)
                for (int64_t i = 0; i < columns; i += line) __builtin_prefetch(from + ahead * weight_pitch + i);
            for (int64_t b = 0; b < blocks; ++b) {
                const int64_t start = block_start(b), stop = block_start(b + 1);
                float* to = weights + first * vectors * L + start * held + (k - first) * (stop - start);
                for (int64_t i = start; i < stop; i += L, to += L)
                    store<float>(to, i + L <= columns ? load<float>(from + i)
                                     : i < columns    ? load_part<float>(from + i, columns - i)
                                                      : Vec<float>{});
            }
        }
    }

    // sums[block of columns][pixel][column inside the block], of `count` pixels of which the first filter's gradient
    // stands at `grad`. Meanwhile asks for the next task's weights, or for the pixels of the next block.
    void multiply(const float* grad, int64_t count, bool next_weights) const {
        const int64_t pieces = ceil_div(count, d.rows), lines = next_weights ? channels * taps / line + 1 : 0;
        for (int64_t k = 0; k < reds; k += InputGradientPlan::chain) {
            const int64_t held = least(InputGradientPlan::chain, reds - k);
            for (int64_t b = 0, i = 0; b < blocks; ++b) {
                const int64_t start = block_start(b), width = block_start(b + 1) - start;
                const float* const w = weights + k * vectors * L + start * held;
                for (int64_t piece = 0; piece < pieces; ++piece, ++i) {
                    const int64_t q = piece * count / pieces, stop = (piece + 1) * count / pieces;
                    const float* const pixels = grad + k * plane + q;
                    GemmSink sink{sums + start * count + q * width, k == 0, nullptr, 0, nullptr, limits,
                                  pixels + d.rows + line - 1,       plane};
                    if (i < lines) {
                        sink.ahead = weight + k * weight_pitch + channels * taps + i * line;
                        sink.ahead_pitch = weight_pitch;
                    }
                    multiply_rows.of[stop - q - 1][width / L - 1](held, {pixels, plane}, w, width, sink);
                }
            }
        }
    }

    // turned[column][pixel] = the sums of `count` pixels.
    void turn(int64_t count) const {
        float* to = turned;
        for (int64_t b = 0; b < blocks; ++b) {
            const int64_t start = block_start(b), width = block_start(b + 1) - start;
            for (int64_t column = 0; column < width; column += L, to += L * pitch)
                for (int64_t q = 0; q < count; q += L) {
                    const float* const from = sums + (start * count + column) + q * width;
                    Vec<float> v[L];
                    static_for<L>(
                        [&](auto i) INLINE { v[i] = q + i < count ? load<float>(from + i * width) : Vec<float>{}; });
                    transpose<float>(v);
                    static_for<L>([&](auto i) INLINE { store<float>(to + i * pitch + q, v[i]); });
                }
        }
    }

    // Adds the turned sums of `rows` rows of pixels, from row oy on, to what their taps meet in the frames.
    void add(int64_t oy, int64_t rows) const {
        const int64_t top = oy * p.sh, reach = (rows - 1) * p.sh + (p.kh - 1) * p.dh + 1;
        for (int64_t phase = 0; phase < p.sw; ++phase)
            for (int64_t x = 0; x < phase_width; x += L) {
                const int64_t met = meet(phase, x), count = least<int64_t>(L, phase_width - x);
                for (int64_t c = 0; c < channels; ++c) {
                    const float* const from = turned + c * taps * pitch + x;
                    float* to = frames + c * frame + top * frame_row + phase * phase_width + x;
                    for (int64_t y = 0, row = 0, row_phase = 0; y < reach; ++y, to += frame_row) {
                        const Vec<float> sum = count == L ? load<float>(to) : load_part<float>(to, count);
                        store_first<float>(to, sum + sum_taps(from, row, row_phase, rows, met), count);
                        if (++row_phase == p.sh) row_phase = 0, ++row;
                    }
                }
            }
    }

    // Finds the kernel columns that vectors of pixels from x on of a phase meet; returns how many.
    int64_t meet(int64_t phase, int64_t x) const {
        Meeting* to = meetings;
        for (int64_t s = 0; s < p.kw; ++s) {
            if (s * p.dw % p.sw != phase) continue;
            const int64_t shift = s * p.dw / p.sw;
            *to++ = {span_inside<float>(x - shift, p.ow), s * pitch - shift};
        }
        return to - meetings;
    }

    // What the taps of a channel add to a vector of pixels of the `row`-th row of a phase of the stride.
    Vec<float> sum_taps(const float* from, int64_t row, int64_t row_phase, int64_t rows, int64_t met) const {
        Vec<float> sum{};
        int64_t phase = 0;
        for (int64_t r = 0; r < p.kh; ++r, from += p.kw * pitch) {
            if (phase == row_phase && row >= 0 && row < rows) {
                const float* const at = from + row * p.ow;
                for (int64_t i = 0; i < met; ++i) sum += load_span<float>(at + meetings[i].offset, meetings[i].span);
            }
            for (phase += p.dh; phase >= p.sh; phase -= p.sh) --row;
        }
        return sum;
    }

    float bias(int64_t channel) const {
        return a.bias ? static_cast<const float*>(a.bias)[group * p.group_c() + c0 + channel] : 0.0f;
    }
    float* out(int64_t image, int64_t channel) const {
        return static_cast<float*>(a.out) + (image * p.c + group * p.group_c() + c0 + channel) * p.h * p.w;
    }

    // A frame's row, with its phases side by side again.
    const float* joined(const float* phases) const {
        if (p.sw == 1) return phases;
        if (p.sw == 2)
            for (int64_t i = 0; i < phase_width; i += L) {
                const Vec<float> even = load<float>(phases + i), odd = load<float>(phases + phase_width + i);
                store<float>(row + 2 * i, interleave<0, float>(even, odd));
                store<float>(row + 2 * i + L, interleave<1, float>(even, odd));
            }
        else
            for (int64_t phase = 0; phase < p.sw; ++phase)
                for (int64_t i = 0; i < phase_width; ++i) row[i * p.sw + phase] = phases[phase * phase_width + i];
        return row;
    }

    void write(int64_t image) const {
        for (int64_t c = 0; c < channels; ++c) {
            const float* from = frames + c * frame + p.pad_top * frame_row;
            float* to = out(image, c);
            for (int64_t y = 0; y < p.h; ++y, from += frame_row, to += p.w)
                emit_row<float>(to, joined(from) + p.pad_left, p.w, bias(c), a.activation);
        }
    }

    void run(int64_t image, bool first) const {
        const float* const grad = static_cast<const float*>(a.x) + (image * p.k + group * reds) * plane;
        if (!d.plain()) zero_run(frames, channels * frame);
        for (int64_t oy = 0; oy < p.oh; oy += d.band_rows) {
            const int64_t rows = least(d.band_rows, p.oh - oy), count = rows * p.ow;
            multiply(grad + oy * p.ow, count, first && oy == 0 && c0 + channels < p.group_c());
            turn(count);
            if (!d.plain()) add(oy, rows);
            for (int64_t c = 0; d.plain() && c < channels; ++c)
                emit_row<float>(out(image, c) + oy * p.ow, turned + c * pitch, count, bias(c), a.activation);
        }
        if (!d.plain()) write(image);
    }
};

}  // namespace

template <class T>
void input_gradient_task(const InputGradientPlan& d, const Args& a, const Unit& unit) {
    const int64_t part = unit.task / d.n_tasks, c0 = part % d.c_tasks * d.channels;
    char* const memory = static_cast<char*>(unit.memory);
    float* const weights = reinterpret_cast<float*>(memory + d.meeting_bytes());
    float* const sums = weights + d.weight_elements();
    float* const turned = sums + d.sum_elements();
    float* const frames = turned + d.turned_elements();
    float* const row = frames + d.all_frames();
    const int64_t channels = least(d.channels, d.p.group_c() - c0);
    const Task task{d,       a,    part / d.c_tasks, c0,     channels, reinterpret_cast<Meeting*>(memory),
                    weights, sums, turned,           frames, row};
    const bool packs = unit.first(d.n_tasks);
    if (packs) task.pack();
    const int64_t image = unit.task % d.n_tasks * d.images, stop = least(image + d.images, d.p.n);
    for (int64_t i = image; i < stop; ++i) task.run(i, packs && i == image);
}

template void input_gradient_task<float>(const InputGradientPlan&, const Args&, const Unit&);

}  // namespace striate::STRIATE_TARGET
