// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/weights/safetensors.h"

#include "tests/model/weights/scratch.h"
#include "tests/support/fixture.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <cstring>

namespace vlm {
namespace {

using test::expect_error;
using test::Scratch;

/// A file of a header with its length in front, and data.
std::string file_of(const std::string &header, const std::string &data = {}) {
  std::string out(8, '\0');
  for (int i = 0; i < 8; ++i)
    out[i] = static_cast<char>(header.size() >> (8 * i));
  return out + header + data;
}

struct Broken {
  const char *what;
  std::string bytes;
  const char *message;
};

std::string one(const std::string &entry, size_t data = 8) {
  return file_of("{\"w\":" + entry + "}", std::string(data, '\0'));
}

std::vector<Broken> broken_files() {
  return {
      {"empty", "", "0 bytes are too few"},
      {"short", "1234567", "7 bytes are too few"},
      {"huge length", std::string(8, '\xff') + "{}", "header length 18446744073709551615"},
      {"long length", std::string("\x00\x02\0\0\0\0\0\0{}", 10), "beyond the file's end"},
      {"not JSON", file_of("{\"w\":"), "not valid JSON"},
      {"array", file_of("[]"), "not a JSON object"},
      {"deep", file_of("{\"w\":" + std::string(100000, '[') + std::string(100000, ']') + "}"),
       "levels deep"},
      {"bad UTF-8", file_of("{\"\xff\":1}"), "not valid JSON"},
      {"no object", one("5"), "tensor w: an entry needs"},
      {"no dtype", one(R"({"type":"F32","shape":[2],"data_offsets":[0,8]})"),
       "tensor w: dtype is missing"},
      {"dtype number", one(R"({"dtype":7,"shape":[2],"data_offsets":[0,8]})"),
       "tensor w: dtype is not a string"},
      {"negative size", one(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"),
       "tensor w: shape holds -2"},
      {"fractional size", one(R"({"dtype":"F32","shape":[2.0],"data_offsets":[0,8]})"),
       "tensor w: shape holds 2.0"},
      {"overflow", one(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]})"),
       "tensor w: shape [4294967296,4294967296] is too large"},
      {"overflow behind zero",
       one(R"({"dtype":"F32","shape":[0,4611686018427387904,4],"data_offsets":[0,0]})"),
       "tensor w: shape [0,4611686018427387904,4] is too large"},
      {"64-bit overflow",
       one(R"({"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8]})"),
       "tensor w: shape [18446744073709551615] is too large"},
      {"too many sizes", one(R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]})"),
       "tensor w: shape is not a list of at most 8"},
      {"wrong shape", one(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})"),
       "tensor w: shape [3] needs 12 bytes, has 8"},
      {"one offset", one(R"({"dtype":"F32","shape":[2],"data_offsets":[0]})"),
       "tensor w: data_offsets is not a pair"},
      {"negative offset", one(R"({"dtype":"F32","shape":[2],"data_offsets":[-8,0]})"),
       "tensor w: data_offsets is not a pair"},
      {"reversed", one(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"),
       "tensor w: bytes 8 to 0"},
      {"truncated", one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})", 7),
       "tensor w: bytes 0 to 8 lie outside the 7 bytes"},
      {"trailing", one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})", 9),
       "1 bytes after the last tensor"},
      {"gap", one(R"({"dtype":"F32","shape":[2],"data_offsets":[4,12]})", 12),
       "4 unused bytes before tensor w"},
      {"overlap",
       file_of(R"({"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},)"
               R"("b":{"dtype":"U8","shape":[8],"data_offsets":[4,12]}})",
               std::string(12, '\0')),
       "tensor b overlaps"},
      {"duplicate",
       file_of(R"({"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
               R"("w":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
               std::string(8, '\0')),
       "duplicate key \"w\""},
      {"metadata", file_of(R"({"__metadata__":{"format":1}})"), "__metadata__ key format"},
      {"metadata list", file_of(R"({"__metadata__":[]})"), "__metadata__ is not an object"},
  };
}

TEST(Safetensors, BrokenFilesAreNamed) {
  const Scratch scratch;
  for (const Broken &broken : broken_files()) {
    const std::string path = scratch.write("broken.safetensors", broken.bytes);
    SCOPED_TRACE(broken.what);
    expect_error(ErrorCategory::Format, {path, broken.message},
                 [&] { SafetensorsFile file(path); });
  }
}

TEST(Safetensors, UnknownDtypeAndMissingFile) {
  const Scratch scratch;
  const std::string path = scratch.write(
      "f8.safetensors", one(R"({"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]})"));
  expect_error(ErrorCategory::Unsupported, {path, "tensor w", "F8_E4M3"},
               [&] { SafetensorsFile file(path); });
  expect_error(ErrorCategory::NotFound, {scratch.path("none")},
               [&] { SafetensorsFile file(scratch.path("none")); });
  expect_error(ErrorCategory::Unreadable, {scratch.path("")},
               [&] { SafetensorsFile file(scratch.path("")); });
}

TEST(Safetensors, WrittenFilesReadBack) {
  const Scratch scratch;
  const std::string path = scratch.path("out.safetensors");
  const at::Tensor floats = at::arange(24, at::kFloat).view({2, 3, 4});
  const std::vector<std::pair<std::string, at::Tensor>> tensors = {
      {"odd", at::ones({3}, at::kByte)}, // leaves what follows misaligned
      {"floats", floats},
      {"turned", floats.transpose(0, 2)},
      {"bf16", floats.to(at::kBFloat16)},
      {"half", floats.to(at::kHalf)},
      {"double", floats.to(at::kDouble)},
      {"long", floats.to(at::kLong)},
      {"bool", floats.to(at::kBool)},
      {"scalar", at::ones({}, at::kFloat)},
      {"none", at::empty({0, 5}, at::kFloat)},
  };
  write_safetensors(path, tensors, {{"format", "pt"}, {"note", "\"quoted\"\n"}});
  const SafetensorsFile file(path);
  EXPECT_EQ(file.tensors().size(), tensors.size());
  EXPECT_NE(file.header().find("quoted"), std::string::npos);
  EXPECT_EQ(file.header().size() % 8, 0u);
  for (const auto &[name, tensor] : tensors) {
    SCOPED_TRACE(name);
    const at::Tensor got = file.load(name);
    EXPECT_EQ(got.scalar_type(), tensor.scalar_type());
    EXPECT_TRUE(got.is_contiguous());
    EXPECT_TRUE(test::near(got, tensor, 0));
    EXPECT_TRUE(test::near(file.load(name, at::kFloat), tensor.to(at::kFloat), 0));
  }
  expect_error(ErrorCategory::Format, {path, "tensor absent is missing"},
               [&] { file.load("absent"); });
}

TEST(Safetensors, WriterReportsFailures) {
  const Scratch scratch;
  const at::Tensor tensor = at::zeros({2}, at::kFloat);
  const std::string path = scratch.path("no/such/directory/x.safetensors");
  expect_error(ErrorCategory::Unreadable, {path}, [&] {
    write_safetensors(path, {{"w", tensor}});
  });
  const std::string twice = scratch.path("twice.safetensors");
  expect_error(ErrorCategory::Format, {twice, "tensor w"}, [&] {
    write_safetensors(twice, {{"w", tensor}, {"w", tensor}});
  });
  EXPECT_TRUE(scratch.files().empty()); // nothing half-written stays behind
}

TEST(Safetensors, ByteFlipsNeverCrash) {
  const Scratch scratch;
  const std::string path = scratch.path("small.safetensors");
  write_safetensors(
      path, {{"a", at::arange(6, at::kFloat).view({2, 3})}, {"b", at::ones({4}, at::kBFloat16)}});
  const std::string good = read_file(path);
  int opened = 0, refused = 0;
  test::fuzz(good, 600, [&](const std::string &bytes) {
    const std::string flipped = scratch.write("flipped.safetensors", bytes);
    try {
      const SafetensorsFile file(flipped);
      for (const auto &[name, info] : file.tensors())
        file.load(name, at::kFloat);
      ++opened;
    } catch (const Error &error) {
      EXPECT_NE(std::string(error.what()).find(flipped), std::string::npos) << error.what();
      ++refused;
    }
  });
  EXPECT_GT(opened, 0);
  EXPECT_GT(refused, 100);
}

TEST(Safetensors, EveryFixtureOpens) {
  for (const char *name : test::kReferenceModels) {
    const SafetensorsFile file(test::data(std::string(name) + "/expected.safetensors"));
    EXPECT_TRUE(file.tensors().count("p0.images")) << name;
  }
}

} // namespace
} // namespace vlm
