#include "choose/recover.hpp"

#include "base/each.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace striate {
namespace {

constexpr uint32_t sign_bit = 0x80000000, infinity_bits = 0x7f800000, one_bits = 0x3f800000;

uint32_t bits_of(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}
float number_of(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

float finite_part(float v) { return number_of((bits_of(v) & infinity_bits) == infinity_bits ? 0 : bits_of(v)); }
float sign(float v) { return float(int(v > 0) - int(v < 0)); }
float sign_of_infinity(float v) {
    return number_of((bits_of(v) & ~sign_bit) == infinity_bits ? (bits_of(v) & sign_bit) | one_bits : 0);
}

float in_form(float v, Filters::Form form) {
    return form == Filters::finite       ? finite_part(v)
           : form == Filters::signs      ? sign(v)
           : form == Filters::infinities ? sign_of_infinity(v)
                                         : v;
}

template <class T>
class Room {
public:
    void resize(int64_t count) {
        memory_ = allocate(size_t(count) * sizeof(T));
        count_ = count;
    }
    T* data() const { return static_cast<T*>(memory_.get()); }
    int64_t size() const { return count_; }

private:
    Memory memory_;
    int64_t count_ = 0;
};

// How often each window of a group meets numbers of a kind.
class Meetings {
public:
    explicit Meetings(const Problem& p) : p_(p) {}

    // Of the input's numbers whose bits, without the sign, `is` tells.
    template <class Is>
    void count(const float* x, Is is, int threads) {
        pixels_.resize(p_.n * p_.groups * p_.h * p_.w);
        windows_.resize(p_.n * p_.groups * p_.oh * p_.ow);
        each(p_.n * p_.groups * p_.h, threads, [&](int64_t line) {
            int32_t* const to = pixels_.data() + line * p_.w;
            for (int64_t c = 0; c < p_.group_c(); ++c) {
                const float* const from = x + ((line / p_.h * p_.group_c() + c) * p_.h + line % p_.h) * p_.w;
                for (int64_t i = 0; i < p_.w; ++i) to[i] = (c ? to[i] : 0) + is(bits_of(from[i]) & ~sign_bit);
            }
        });
        // Each row of pixels now holds the sums down to it, of every dh-th row.
        each(p_.n * p_.groups, threads, [&](int64_t plane) {
            for (int64_t y = p_.dh; y < p_.h; ++y)
                for (int64_t i = 0; i < p_.w; ++i) row(plane, y)[i] += row(plane, y - p_.dh)[i];
        });
        each(p_.n * p_.groups * p_.oh, threads, [&](int64_t line) { sum_line(line); });
    }
    // A plane of windows, null where nothing was counted.
    const int32_t* plane(int64_t i) const { return windows_.size() ? windows_.data() + i * p_.oh * p_.ow : nullptr; }

private:
    int32_t* row(int64_t plane, int64_t y) const { return pixels_.data() + (plane * p_.h + y) * p_.w; }

    // The first and the last tap of a window that lie inside [0, size); last < first where none does.
    struct Taps {
        int64_t first, last;
    };
    static Taps inside(int64_t start, int64_t taps, int64_t step, int64_t size) {
        if (step == 1) return {std::max<int64_t>(0, start), std::min(size, start + taps) - 1};
        const int64_t skipped = start < 0 ? ceil_div(-start, step) : 0;
        const int64_t kept = std::min(taps, start < size ? (size - 1 - start) / step + 1 : 0);
        return {start + skipped * step, start + (kept - 1) * step};
    }

    void sum_line(int64_t line) const {
        const int64_t plane = line / p_.oh;
        int32_t* const out = windows_.data() + line * p_.ow;
        std::fill_n(out, p_.ow, 0);
        const Taps rows = inside(line % p_.oh * p_.sh - p_.pad_top, p_.kh, p_.dh, p_.h);
        if (rows.last < rows.first) return;
        std::vector<int32_t> sums(row(plane, rows.last), row(plane, rows.last) + p_.w);
        int32_t* const sum = sums.data();
        if (rows.first >= p_.dh)
            for (int64_t x = 0; x < p_.w; ++x) sum[x] -= row(plane, rows.first - p_.dh)[x];
        if (std::all_of(sum, sum + p_.w, [](int32_t n) { return n == 0; })) return;
        int32_t before_x = 0;  // a register, where one column after the other is added
        if (p_.dw == 1)
            for (int64_t x = 0; x < p_.w; ++x) sum[x] = before_x += sum[x];
        else
            for (int64_t x = p_.dw; x < p_.w; ++x) sum[x] += sum[x - p_.dw];
        // From `within` to `stop`, windows lie wholly inside, and so does the pixel before their first.
        const int64_t extent = (p_.kw - 1) * p_.dw;
        const auto step = [&](int64_t x) { return x <= 0 ? 0 : ceil_div(x, p_.sw); };
        const int64_t within = std::min(p_.ow, step(p_.pad_left + p_.dw));
        const int64_t stop = std::max(within, std::min(p_.ow, step(p_.w - extent + p_.pad_left)));
        const auto sum_edge = [&](int64_t from, int64_t to) {
            for (int64_t ox = from; ox < to; ++ox) {
                const Taps columns = inside(ox * p_.sw - p_.pad_left, p_.kw, p_.dw, p_.w);
                if (columns.first <= columns.last)
                    out[ox] = sum[columns.last] - (columns.first >= p_.dw ? sum[columns.first - p_.dw] : 0);
            }
        };
        sum_edge(0, within);
        const int32_t* const last = sum + extent - p_.pad_left;
        const int32_t* const before = sum - p_.dw - p_.pad_left;
        if (p_.sw == 1)
            for (int64_t ox = within; ox < stop; ++ox) out[ox] = last[ox] - before[ox];
        else
            for (int64_t ox = within; ox < stop; ++ox) out[ox] = last[ox * p_.sw] - before[ox * p_.sw];
        sum_edge(stop, p_.ow);
    }

    const Problem& p_;
    Room<int32_t> pixels_, windows_;
};

// What an output is: the sum that the way gives, or what the products that are not finite make of it. The union of two
// is what both make of it.
enum Kind : uint8_t { sum = 0, up = 1, down = 2, undefined = 3 };

class Recovery {
public:
    Recovery(const Problem& p, const Way& way, const Filters& filters, const Args& args, int threads)
        : p_(p),
          way_(way),
          filters_(filters),
          args_(args),
          threads_(threads),
          x_(static_cast<const float*>(args.x)),
          out_(static_cast<float*>(args.out)),
          nans_(p),
          infinities_(p) {}

    // False where every number is finite, where the way is spoiled by finite ones alone, or where the other way costs
    // less.
    bool run(double other_runs) {
        constexpr double pass = 1.6;  // a run of the way and what it needs around it, in runs of the way
        look();
        const int passes = 1 + infinity_ + filters_.counts().any_infinite;
        if (other_runs <= pass * passes) return false;
        if (!nan_ && !infinity_ && filters_.counts().all_finite) return false;
        if (p_.group_c() * p_.taps() > most_terms) return false;
        if (nan_) nans_.count(x_, [](uint32_t size) { return size > infinity_bits; }, threads_);
        if (infinity_) infinities_.count(x_, [](uint32_t size) { return size == infinity_bits; }, threads_);
        input_.resize(p_.input_count());
        if (infinity_) {
            convolve([](float v) { return sign_of_infinity(v); }, Filters::signs);
            mark([&](int64_t, int64_t plane) { return Terms{infinities_.plane(plane), 0}; });
        }
        if (filters_.counts().any_infinite) {
            convolve([](float v) { return sign(v); }, Filters::infinities);
            mark([&](int64_t k, int64_t) { return Terms{nullptr, filters_.counts().infinite[size_t(k)]}; });
        }
        if (!convolve([](float v) { return finite_part(v); }, Filters::finite, args_.bias, args_.activation))
            return false;
        write();
        return true;
    }

private:
    // Rounded sums of so many signs still differ by more than one half where they differ.
    static constexpr int32_t most_terms = 1 << 21;

    void look() {
        each_piece(p_.input_count(), threads_, [&](int64_t from, int64_t stop) {
            uint32_t nans = 0, infinities = 0;
            for (int64_t i = from; i < stop; ++i) {
                const uint32_t size = bits_of(x_[i]) & ~sign_bit;
                nans |= size > infinity_bits;
                infinities |= size == infinity_bits;
            }
            if (nans) nan_.store(true, std::memory_order_relaxed);
            if (infinities) infinity_.store(true, std::memory_order_relaxed);
        });
    }

    // The way with what `part` makes of the input and with weights of `form`, into the output; false where it is
    // spoiled.
    template <class Part>
    bool convolve(Part part, Filters::Form form, const void* bias = nullptr, Activation activation = Activation::none) {
        float* const to = input_.data();
        each_piece(p_.input_count(), threads_, [&](int64_t from, int64_t stop) {
            for (int64_t i = from; i < stop; ++i) to[i] = part(x_[i]);
        });
        const bool as_packed = form == Filters::finite && filters_.counts().all_finite;
        bool spoiled = false;
        way_.run({to, as_packed ? args_.packed : filters_.packed(form, way_), bias, out_, activation, &spoiled},
                 threads_);
        return !spoiled;
    }

    // body(k, plane of windows, first output) for each channel of each image.
    template <class Body>
    void each_channel(const Body& body) {
        each(p_.n * p_.k, threads_, [&](int64_t i) {
            const int64_t k = i % p_.k;
            body(k, i / p_.k * p_.groups + k / p_.group_k(), i * p_.oh * p_.ow);
        });
    }

    // The products that make an output infinite: a number for each window, or one for all.
    struct Terms {
        const int32_t* counts;
        int64_t count;
    };

    // Marks outputs from the products that make them infinite, whose signs are summed in the output.
    template <class Of>
    void mark(Of terms_of) {
        const int64_t plane = p_.oh * p_.ow;
        const bool first = kinds_.size() == 0;
        if (first) kinds_.resize(p_.output_count());
        each_channel([&](int64_t k, int64_t windows, int64_t at) {
            const Terms terms = terms_of(k, windows);
            if (first) std::memset(kinds_.data() + at, sum, size_t(plane));
            if (terms.counts) mark_plane(kinds_.data() + at, out_ + at, [&](int64_t i) { return terms.counts[i]; });
            else mark_plane(kinds_.data() + at, out_ + at, [count = int32_t(terms.count)](int64_t) { return count; });
        });
    }

    template <class Count>
    void mark_plane(uint8_t* kinds, const float* signs, const Count& count_at) const {
        for (int64_t i = 0; i < p_.oh * p_.ow; ++i) {
            // Rounded without a branch, for numbers of at most most_terms.
            constexpr int32_t above = 2 * most_terms;
            const int32_t signed_count = int32_t(signs[i] + (float(above) + 0.5f)) - above, count = count_at(i);
            const int32_t all_up = signed_count == count, all_down = signed_count == -count;
            kinds[i] |= uint8_t((count > 0) * (undefined - 2 * all_up - all_down));
        }
    }

    void write() {
        constexpr float infinity = std::numeric_limits<float>::infinity(),
                        nan = std::numeric_limits<float>::quiet_NaN();
        const int64_t plane = p_.oh * p_.ow;
        each_channel([&](int64_t k, int64_t windows, int64_t at) {
            float* const out = out_ + at;
            if (filters_.counts().infinite[size_t(k)] < 0) return void(std::fill_n(out, plane, nan));
            if (kinds_.size() > 0) {
                const float bias = args_.bias ? static_cast<const float*>(args_.bias)[k] : 0.0f;
                const float most = activated(infinity + bias), least = activated(-infinity + bias);
                const uint8_t* const kinds = kinds_.data() + at;
                for (int64_t i = 0; i < plane; ++i) {
                    const int kind = kinds[i];
                    const float infinite = kind == up ? most : least, found = kind == undefined ? nan : infinite;
                    out[i] = kind == sum ? out[i] : found;
                }
            }
            if (const int32_t* const nans = nans_.plane(windows))
                for (int64_t i = 0; i < plane; ++i) out[i] = nans[i] ? nan : out[i];
        });
    }
    float activated(float v) const {
        if (args_.activation == Activation::none || v != v) return v;
        return std::clamp(v, 0.0f,
                          args_.activation == Activation::relu6 ? 6.0f : std::numeric_limits<float>::infinity());
    }

    const Problem& p_;
    const Way& way_;
    const Filters& filters_;
    const Args& args_;
    const int threads_;
    const float* const x_;
    float* const out_;
    std::atomic<bool> nan_{false}, infinity_{false};
    Meetings nans_, infinities_;
    Room<float> input_;
    Room<uint8_t> kinds_;
};

}  // namespace

Filters::Filters(const Problem& problem, const void* weight)
    : size_(problem.group_c() * problem.taps()),
      filters_(problem.k),
      weight_(allocate(size_t(problem.weight_count()) * sizeof(float))),
      bytes_(size_t(problem.weight_count()) * sizeof(float)) {
    std::memcpy(weight_.get(), weight, bytes_);
}

const Filters::Counts& Filters::counts() const {
    std::call_once(counted_, [&] {
        const float* from = static_cast<const float*>(weight_.get());
        for (int64_t k = 0; k < filters_; ++k) {
            bool nan = false;
            int64_t count = 0;
            for (int64_t i = 0; i < size_; ++i, ++from) {
                const uint32_t size = bits_of(*from) & ~sign_bit;
                count += size == infinity_bits;
                nan = nan || size > infinity_bits;
            }
            counts_.all_finite = counts_.all_finite && !nan && count == 0;
            counts_.any_infinite = counts_.any_infinite || count > 0;
            counts_.infinite.push_back(nan ? -1 : count);
        }
    });
    return counts_;
}

const void* Filters::packed(Form form, const Way& way) const {
    Lazy& lazy = packed_[form];
    std::call_once(lazy.once, [&] {
        const size_t count = size_t(size_ * filters_);
        const float* const from = static_cast<const float*>(weight_.get());
        std::vector<float> weight(from, from + count);
        for (float& w : weight) w = in_form(w, form);
        Memory memory = allocate(way.facts.packed_bytes);
        way.pack(weight.data(), memory.get());
        lazy.memory = std::move(memory);
        bytes_ += way.facts.packed_bytes;
    });
    return lazy.memory.get();
}

void recover(const Problem& problem, const Way& way, const Way& other, const Filters& filters, const Args& args,
             int threads, double other_runs) {
    if (Recovery(problem, way, filters, args, threads).run(other_runs)) return;
    Args whole = args;
    whole.packed = filters.packed(Filters::given, other);
    whole.spoiled = nullptr;
    other.run(whole, other.affordable(problem, threads));
}

}  // namespace striate
