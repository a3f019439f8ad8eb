#include "register.hpp"

#include "base/memory.hpp"
#include "base/pool.hpp"
#include "choose/machines.hpp"
#include "choose/plan.hpp"
#include "choose/targets.hpp"
#include "choose/ways.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string>
#include <vector>

namespace nb = nanobind;
using namespace nb::literals;

namespace {

// From this size on the C library gives freed memory back to the system, and every new array is zeroed afresh.
constexpr size_t kept_by_c = size_t(32) << 20;

struct Block {
    striate::Memory memory;
    size_t bytes;
};

nb::ndarray<nb::numpy> empty(const std::vector<size_t>& shape, bool doubles) {
    size_t bytes = doubles ? 8 : 4;
    for (size_t size : shape) bytes *= size;
    auto block =
        std::make_unique<Block>(Block{bytes < kept_by_c ? striate::allocate(bytes) : striate::reuse(bytes), bytes});
    void* const data = block->memory.get();
    const nb::capsule owner(block.release(), [](void* p) noexcept {
        const std::unique_ptr<Block> gone(static_cast<Block*>(p));
        if (gone->bytes >= kept_by_c) striate::keep(std::move(gone->memory), gone->bytes);
    });
    return {data, shape.size(), shape.data(), owner, nullptr, doubles ? nb::dtype<double>() : nb::dtype<float>()};
}

using Bytes = nb::ndarray<const uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// One thread reads faster than memory gives up to some hundred kilobytes.
constexpr size_t compared_at_once = size_t(1) << 18;

bool same_bytes(const Bytes& a, const Bytes& b) {
    if (a.size() != b.size()) return false;
    struct Pair {
        const uint8_t *a, *b;
        size_t bytes;
        std::atomic<bool> same;
    } pair{a.data(), b.data(), a.size(), true};
    const nb::gil_scoped_release release;
    const auto compare = [](void* context, const striate::Unit& unit) {
        Pair& of = *static_cast<Pair*>(context);
        if (!of.same.load(std::memory_order_relaxed)) return;
        const size_t start = size_t(unit.task) * compared_at_once, count = std::min(compared_at_once, of.bytes - start);
        if (std::memcmp(of.a + start, of.b + start, count) != 0) of.same.store(false, std::memory_order_relaxed);
    };
    const size_t tasks = (pair.bytes + compared_at_once - 1) / compared_at_once;
    striate::parallel_for(int64_t(tasks), striate::get_threads(), 0, compare, &pair);
    return pair.same;
}

}  // namespace

void register_runtime(nb::module_& m) {
    m.def(
        "algorithms",
        [] {
            std::vector<std::string> names;
            for (const auto& way : striate::ways()) names.emplace_back(way.promise.name);
            return names;
        },
        "The names of the algorithms, `direct` first.");
    m.def("isa", [] { return std::string(striate::chosen_target().name); }, "The instruction set in use.");
    m.def(
        "available_isas",
        [] {
            std::vector<std::string> names;
            for (const auto* target : striate::available_targets()) names.emplace_back(target->name);
            return names;
        },
        "The instruction sets this machine can run, best first.");
    m.def(
        "set_threads",
        [](int count) {
            if (count < 0) throw nb::value_error(("threads must be at least 0, got " + std::to_string(count)).c_str());
            striate::set_threads(count);
        },
        "count"_a,
        "Threads a plan takes when it names none; 0 means what the environment says, or the CPUs this process may "
        "use.");
    m.def(
        "deciding_threads", [] { return striate::deciding_threads; },
        "Threads for which whatever decides the bits of a result is chosen, however many there are.");
    m.def(
        "peak_gflops",
        [] {
            const striate::Target& target = striate::chosen_target();
            return 2e-3 * striate::machine_for(target).fma_rate * double(target.lanes(striate::DType::float32));
        },
        nb::call_guard<nb::gil_scoped_release>(),
        "Float32 multiply-adds of one thread as measured, two operations each, in GFLOP/s.");
    m.def("empty", &empty, "shape"_a, "doubles"_a = false,
          "An uninitialised float32 or float64 array that starts with a cache line. The memory of a large one, once "
          "freed, is kept for "
          "the next of its size.");
    m.def("same_bytes", &same_bytes, "a"_a, "b"_a, "Whether two byte arrays hold the same, compared on every thread.");
    m.def("get_threads", &striate::get_threads, "Threads a plan takes when it names none.");
}
