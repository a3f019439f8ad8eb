// Every way on every instruction set of this machine against the definition: values, error bound, non-finite inputs,
// no access outside the arrays (guard pages), no use of what scratch memory holds, and the same bits for any number of
// threads.
#include "choose/ways.hpp"
#include "base/pool.hpp"
#include "check.hpp"
#include "choose/machines.hpp"
#include "choose/recover.hpp"
#include "choose/targets.hpp"
#include "problems.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

using namespace striate;

namespace {

// The thread sanitizer looks for races; what the ways compute is for the other builds to see.
#if defined(__SANITIZE_THREAD__)
constexpr bool values = false;
constexpr int drawn = 30;
#else
constexpr bool values = true;
constexpr int drawn = 120;
#endif

// Of the output's scale for data of unit variance, as the way promises.
double bound(const Way& way, DType dtype) {
    if (dtype == DType::float64) return 1e-14;
    return way.facts.promise.error_bound;
}

void* aligned_room(size_t bytes) {
    void* room = std::aligned_alloc(64, (bytes + 127) / 64 * 64);
    CHECK(room, "out of memory");
    return room;
}

// Another way, whose runs are counted.
class Counted : public Way {
public:
    explicit Counted(const Way& way) : Way(way.facts), way_(way) {}
    void pack(const void* weight, void* packed) const override { way_.pack(weight, packed); }
    void run(const Args& args, int threads) const override {
        ++runs;
        way_.run(args, threads);
    }
    mutable int runs = 0;

private:
    const Way& way_;
};

// Returns how often the way ran. What spoils it is not left to `direct`.
template <class T>
int run(const Way& way, const Case& c, Data<T>& data, int threads) {
    void* packed = aligned_room(way.facts.packed_bytes);
    way.pack(data.weight.data(), packed);
    bool spoiled = false;
    const Args args{data.x.data(),   packed,       c.bias ? data.bias.data() : nullptr,
                    data.out.data(), c.activation, way.facts.promise.spreads ? &spoiled : nullptr};
    Counted counted(way);
    counted.run(args, threads);
    if (spoiled) {
        const Offer direct = offer_direct(c.problem, machine_for(chosen_target()), {threads});
        const Counted other(*direct.way);
        constexpr double dear = std::numeric_limits<double>::infinity();
        recover(c.problem, counted, other, Filters(c.problem, data.weight.data()), args, threads, dear);
        CHECK(other.runs == 0, "%s left it to direct (%s)", way.facts.promise.name, c.text().c_str());
    }
    std::free(packed);
    return counted.runs;
}

// Runs on one thread, whose scratch holds `left` all over from the call before. Whether the run met denormal numbers,
// where the processor tells.
template <class T>
bool meets_denormals(const Way& way, const Case& c, Data<T>& data, float left) {
    struct Scratch {
        size_t bytes;
        float left;
    } scratch{way.facts.workspace_bytes, left};
    const auto fill = [](void* context, const Unit& unit) {
        const Scratch& of = *static_cast<const Scratch*>(context);
        std::uninitialized_fill_n(static_cast<float*>(unit.memory), of.bytes / sizeof(float), of.left);
    };
    parallel_for(1, 1, scratch.bytes, fill, &scratch);
#if defined(__SSE2__)
    constexpr unsigned flags = 0x3f, denormal = 2;
    _mm_setcsr(_mm_getcsr() & ~flags);
    run(way, c, data, 1);
    return _mm_getcsr() & denormal;
#else
    run(way, c, data, 1);
    return false;
#endif
}

template <class T>
void compare(const Way& way, const Case& c, const Data<T>& data, const std::vector<double>& wanted,
             const char* target) {
    if (!values) return;
    const double scale = 1 + std::sqrt(double(c.problem.group_c() * c.problem.taps()));
    for (size_t i = 0; i < wanted.size(); ++i) {
        const double got = double(data.out[int64_t(i)]), want = wanted[i];
        if (std::isfinite(want)) {
            CHECK(std::abs(got - want) <= bound(way, c.problem.dtype) * scale,
                  "%s %s: output %zu is %.9g, not %.9g (%s)", target, way.facts.promise.name, i, got, want,
                  c.text().c_str());
        } else {
            CHECK(std::isnan(want) ? std::isnan(got) : got == want, "%s %s: output %zu is %g, not %g (%s)", target,
                  way.facts.promise.name, i, got, want, c.text().c_str());
        }
    }
}

// What is put where: a NaN and an Inf somewhere in x; Inf of one sign here and there in x, and no weight negative, so
// that some sums are infinite; half of x; some weights; all of both.
enum class Spoil { pixels, infinities, half, weights, all };

template <class T>
void spoil(const Case& c, Data<T>& data, Spoil how) {
    std::mt19937 random(c.seed);
    constexpr T nan = std::numeric_limits<T>::quiet_NaN(), infinity = std::numeric_limits<T>::infinity();
    const auto put = [&](Guarded<T>& array, T value, int64_t count) {
        for (int64_t i = 0; i < count; ++i) array[int64_t(random()) % array.size()] = value;
    };
    switch (how) {
        case Spoil::pixels: put(data.x, nan, 1); return put(data.x, infinity, 1);
        case Spoil::infinities:
            for (int64_t i = 0; i < data.weight.size(); ++i) data.weight[i] = std::abs(data.weight[i]);
            put(data.weight, T(0), data.weight.size() / 100);
            return put(data.x, c.seed % 2 ? infinity : -infinity, 1 + data.x.size() / 50);
        case Spoil::half:
            put(data.x, -infinity, 2);
            for (int64_t i = 0; i < data.x.size() / 2; ++i) data.x[i] = nan;
            return;
        case Spoil::weights:
            put(data.weight, nan, 1);
            put(data.weight, infinity, 1 + data.weight.size() / 50);
            return put(data.x, -infinity, 1);
        case Spoil::all:
            for (int64_t i = 0; i < data.x.size(); ++i) data.x[i] = infinity;
            for (int64_t i = 0; i < data.weight.size(); ++i) data.weight[i] = -infinity;
    }
}

constexpr Spoil all_spoils[] = {Spoil::pixels, Spoil::infinities, Spoil::half, Spoil::weights, Spoil::all};

// What a case should give, and what once it is spoiled.
struct Wanted {
    std::vector<double> out;
    std::vector<std::pair<Spoil, std::vector<double>>> spoiled;
};

template <class T>
void check_way(const ListedWay& named, const Target& target, const Case& c, const Wanted& wanted) {
    const Offer one = named.offer(c.problem, machine_for(target), {1});
    CHECK(bool(one.way) != !one.refusal.empty(), "%s neither offers nor refuses %s", named.promise.name,
          c.text().c_str());
    if (!one.way) return;
    Data<T> data(c, Edge::after);
#if defined(__SSE2__)
    const bool met = meets_denormals(*one.way, c, data, 1.0f);
#else
    constexpr bool met = false;
#endif
    CHECK(meets_denormals(*one.way, c, data, std::numeric_limits<float>::denorm_min()) == met,
          "%s %s computes with what its scratch held, which may be a hundred times as slow (%s)", target.name,
          named.promise.name, c.text().c_str());
    compare(*one.way, c, data, wanted.out, target.name);

    const Offer three = named.offer(c.problem, machine_for(target), {3});
    Data<T> other(c, Edge::before);
    run(*three.way, c, other, 3);
    const size_t bytes = size_t(c.problem.output_count()) * sizeof(T);
    CHECK(std::memcmp(data.out.data(), other.out.data(), bytes) == 0, "%s %s: three threads give other bits (%s)",
          target.name, named.promise.name, c.text().c_str());
    compare(*three.way, c, other, wanted.out, target.name);

    for (const auto& [how, out] : wanted.spoiled) {
        Data<T> spoiled(c, Edge::after);
        spoil(c, spoiled, how);
        const int runs = run(*one.way, c, spoiled, 1);
        CHECK(runs <= 4, "%s ran %d times (%s)", named.promise.name, runs, c.text().c_str());
        compare(*one.way, c, spoiled, out, target.name);
    }
}

// Spoiled in every way or, where `brief`, in one.
template <class T>
void check_case(const Case& c, bool brief) {
    Wanted wanted;
    if (values) {
        wanted.out = reference(c, Data<T>(c, Edge::after));
        for (Spoil how : all_spoils) {
            if (brief && how != all_spoils[c.seed % std::size(all_spoils)]) continue;
            Data<T> spoiled(c, Edge::after);
            spoil(c, spoiled, how);
            wanted.spoiled.emplace_back(how, reference(c, spoiled));
        }
    }
    for (const Target* target : available_targets())
        for (const ListedWay& named : ways()) check_way<T>(named, *target, c, wanted);
}

}  // namespace

int main(int argc, char** argv) {
    const bool less = brief(argc, argv);
    for (const Case& c : cases(1, less ? drawn / 2 : drawn)) {
        if (c.problem.dtype == DType::float32) check_case<float>(c, less);
        else check_case<double>(c, less);
    }
    return 0;
}
