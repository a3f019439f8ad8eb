// Every way on every instruction set of this machine against the definition: values, error bound, non-finite inputs,
// no access outside the arrays (guard pages), and the same bits for any number of threads.
#include "check.hpp"
#include "problems.hpp"
#include "targets.hpp"
#include "way.hpp"

#include <cmath>
#include <cstring>
#include <limits>

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
    return way.error_bound;
}

void* aligned_room(size_t bytes) {
    void* room = std::aligned_alloc(64, (bytes + 127) / 64 * 64);
    CHECK(room, "out of memory");
    return room;
}

template <class T>
void run(const Way& way, const Case& c, Data<T>& data, int threads) {
    void* packed = aligned_room(way.packed_bytes);
    way.pack(data.weight.data(), packed);
    way.run({data.x.data(), packed, c.bias ? data.bias.data() : nullptr, data.out.data(), c.activation}, threads);
    std::free(packed);
}

template <class T>
void compare(const Way& way, const Case& c, const Data<T>& data, const char* target) {
    if (!values) return;
    const std::vector<double> wanted = reference(c, data);
    const double scale = 1 + std::sqrt(double(c.problem.group_c() * c.problem.taps()));
    for (size_t i = 0; i < wanted.size(); ++i) {
        const double got = double(data.out[int64_t(i)]), want = wanted[i];
        if (std::isfinite(want)) {
            CHECK(std::abs(got - want) <= bound(way, c.problem.dtype) * scale, "%s %s: output %zu is %.9g, not %.9g (%s)",
                  target, way.name.c_str(), i, got, want, c.text().c_str());
        } else {
            CHECK(std::isnan(want) ? std::isnan(got) : got == want, "%s %s: output %zu is %g, not %g (%s)", target,
                  way.name.c_str(), i, got, want, c.text().c_str());
        }
    }
}

template <class T>
void check_case(const WayName& named, const Target& target, const Case& c) {
    const Offer one = named.offer(c.problem, machine_for(target), 1);
    CHECK(bool(one.way) != !one.refusal.empty(), "%s neither offers nor refuses %s", named.name, c.text().c_str());
    if (!one.way) return;
    Data<T> data(c, Edge::after);
    run(*one.way, c, data, 1);
    compare(*one.way, c, data, target.name);

    const Offer three = named.offer(c.problem, machine_for(target), 3);
    Data<T> other(c, Edge::before);
    run(*three.way, c, other, 3);
    const size_t bytes = size_t(c.problem.output_count()) * sizeof(T);
    CHECK(std::memcmp(data.out.data(), other.out.data(), bytes) == 0, "%s %s: three threads give other bits (%s)", target.name, named.name,
          c.text().c_str());
    compare(*three.way, c, other, target.name);
    if (!values) return;

    std::mt19937 random(c.seed);
    for (T value : {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity()})
        data.x[int64_t(random()) % data.x.size()] = value;
    run(*one.way, c, data, 1);
    compare(*one.way, c, data, target.name);
}

}  // namespace

int main() {
    for (const Target* target : available_targets())
        for (const Case& c : cases(1, drawn))
            for (const WayName& named : ways()) {
                if (c.problem.dtype == DType::float32) check_case<float>(named, *target, c);
                else check_case<double>(named, *target, c);
            }
    return 0;
}
