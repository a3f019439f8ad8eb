// An array that ends at an unreadable page, so that one element too many is a crash; and one that begins at one.
#pragma once

#include "check.hpp"

#include <cstddef>
#include <cstdint>

#include <sys/mman.h>
#include <unistd.h>

enum class Edge { before, after };

template <class T>
class Guarded {
public:
    Guarded(int64_t count, Edge edge) : count_(count) {
        const size_t page = size_t(sysconf(_SC_PAGESIZE));
        const size_t inner = (size_t(count) * sizeof(T) + page - 1) / page * page;
        bytes_ = inner + 2 * page;
        base_ = static_cast<char*>(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        CHECK(base_ != MAP_FAILED, "mmap of %zu bytes", bytes_);
        CHECK(mprotect(base_, page, PROT_NONE) == 0, "guard page before");
        CHECK(mprotect(base_ + page + inner, page, PROT_NONE) == 0, "guard page after");
        data_ = reinterpret_cast<T*>(edge == Edge::before ? base_ + page
                                                          : base_ + page + inner - size_t(count) * sizeof(T));
    }
    Guarded(const Guarded&) = delete;
    Guarded& operator=(const Guarded&) = delete;
    ~Guarded() { munmap(base_, bytes_); }

    T* data() { return data_; }
    const T* data() const { return data_; }
    int64_t size() const { return count_; }
    T& operator[](int64_t i) { return data_[i]; }
    const T& operator[](int64_t i) const { return data_[i]; }

private:
    char* base_;
    T* data_;
    size_t bytes_;
    int64_t count_;
};
