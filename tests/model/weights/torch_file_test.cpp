// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/weights/torch_file.h"

#include "tests/model/weights/scratch.h"
#include "tests/model/weights/torch_archive.h"
#include "tests/support/fixture.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>

#include <cstring>

namespace vlm {
namespace {

using namespace test::pickle;
using test::expect_error;
using test::Scratch;
using test::torch_archive;

std::string floats(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) {
    const auto value = static_cast<float>(i);
    char bytes[4];
    std::memcpy(bytes, &value, 4);
    out.append(bytes, 4);
  }
  return out;
}

/// A tensor over 12 floats.
std::string weight(int64_t offset, std::vector<int64_t> sizes, std::vector<int64_t> strides) {
  return tensor({storage("FloatStorage", "0", 12), offset, std::move(sizes), std::move(strides)});
}

std::string pickled(const std::string &value) {
  return torch_archive(program(value), {floats(12)});
}

TEST(TorchFile, ReadsTensors) {
  const Scratch scratch;
  const std::string value =
      dict({text("plain"), weight(0, {3, 4}, {4, 1}), text("turned"), weight(0, {4, 3}, {1, 4}),
            text("part"), weight(5, {2, 3}, {4, 1}), text("scalar"), weight(7, {}, {}),
            text("none"), weight(0, {0, 3}, {3, 1}), text("epoch"), number(3), text("parameter"),
            global("torch._utils", "_rebuild_parameter") +
                tuple({weight(0, {12}, {1}), "\x88", ordered_dict()}) + "R",
            text("bytes"), tensor({storage("ByteStorage", "1", 2), 0, {2}, {1}})}) +
      "}" + text("_metadata") + ordered_dict() + "sb";
  for (const bool zip64 : {false, true}) {
    const TorchFile file(scratch.write(
        "weights.bin", torch_archive(program(value), {floats(12), "\x07\x09"}, zip64)));
    const at::Tensor all = at::arange(12, at::kFloat);
    EXPECT_EQ(file.tensors().size(), 7u);
    EXPECT_TRUE(test::near(file.load("plain"), all.view({3, 4}), 0));
    EXPECT_TRUE(test::near(file.load("turned"), all.view({3, 4}).t(), 0));
    EXPECT_TRUE(file.load("turned").is_contiguous());
    EXPECT_TRUE(test::near(file.load("part"), all.narrow(0, 5, 7).as_strided({2, 3}, {4, 1}), 0));
    EXPECT_TRUE(test::near(file.load("scalar"), at::full({}, 7, at::kFloat), 0));
    EXPECT_EQ(file.load("none").sizes(), (std::vector<int64_t>{0, 3}));
    EXPECT_TRUE(test::near(file.load("parameter", at::kBFloat16), all.to(at::kBFloat16), 0));
    EXPECT_EQ(file.load("bytes").scalar_type(), at::kByte);
  }
}

TEST(TorchFile, TakesTheInnerStateDict) {
  const Scratch scratch;
  const std::string inner = dict({text("w"), weight(0, {12}, {1})});
  const TorchFile file(scratch.write(
      "outer.pt", pickled(dict({text("epoch"), number(3), text("state_dict"), inner}))));
  EXPECT_EQ(file.tensors().size(), 1u);
  EXPECT_EQ(file.info("w").shape, (std::vector<int64_t>{12}));
}

struct Hostile {
  const char *what;
  std::string value;
  const char *message;
};

TEST(TorchFile, RefusesEverythingButTensors) {
  const std::string call = tuple({text("echo gotcha")}) + "R";
  const std::vector<Hostile> cases = {
      {"os.system", global("os", "system") + call, "refuses global os.system"},
      {"posix.system", global("posix", "system") + call, "refuses global posix.system"},
      {"eval", global("builtins", "eval") + call, "refuses global builtins.eval"},
      {"in a dict", dict({text("w"), global("subprocess", "Popen") + call}),
       "refuses global subprocess.Popen"},
      {"torch.load", global("torch", "load") + call, "refuses global torch.load"},
      {"torch.Storage", global("torch", "Storage"), "refuses global torch.Storage"},
      {"dotted", global("torch._utils", "_rebuild_tensor_v2.__globals__"),
       "refuses global torch._utils._rebuild_tensor_v2.__globals__"},
      {"empty module", global("", ""), "refuses global ."},
      {"bad UTF-8", global("\xff\xfe", "x"), "refuses global \xEF\xBF\xBD"},
      {"STACK_GLOBAL", text("os") + text("system") + "\x93" + call, "refuses global os.system"},
      {"STACK_GLOBAL of numbers", number(1) + number(2) + "\x93", "a global's name"},
      {"INST", "(" + text("ls") + "ios\nsystem\n", "refuses global os.system (opcode INST)"},
      {"OBJ", "(" + global("collections", "OrderedDict") + "o", "refuses opcode 111 (OBJ)"},
      {"NEWOBJ", global("collections", "OrderedDict") + ")\x81", "refuses opcode 129 (NEWOBJ)"},
      {"NEWOBJ_EX", global("collections", "OrderedDict") + ")}\x92", "(NEWOBJ_EX)"},
      {"EXT1", "\x82\x01", "refuses opcode 130 (EXT)"},
      {"EXT4", std::string("\x84\x01\0\0\0", 5), "refuses opcode 132 (EXT)"},
      {"PERSID", "Pstorage\n", "(PERSID)"},
      {"text INT", "I01\n", "refuses opcode 73"},
      {"calls a dict", ordered_dict() + ")R", "calls something that is no function"},
      {"OrderedDict of a list", global("collections", "OrderedDict") + tuple({"]"}) + "R",
       "calls OrderedDict with arguments"},
      {"parameter of a number",
       global("torch._utils", "_rebuild_parameter") + tuple({number(1), "\x88", "}"}) + "R",
       "makes a parameter"},
      {"tensor of nothing", global("torch._utils", "_rebuild_tensor_v2") + ")R",
       "makes a tensor with wrong arguments"},
      {"sizes as text",
       global("torch._utils", "_rebuild_tensor_v2") +
           tuple({storage("FloatStorage", "0", 12), number(0), tuple({text("a")}),
                  tuple({number(1)}), "\x89", "}"}) +
           "R",
       "makes a tensor with wrong arguments"},
      {"sizes as a number",
       global("torch._utils", "_rebuild_tensor_v2") +
           tuple(
               {storage("FloatStorage", "0", 12), number(0), number(12), number(1), "\x89", "}"}) +
           "R",
       "makes a tensor with wrong arguments"},
      {"persistent id", tuple({text("module")}) + "Q", "a persistent id is no storage"},
      {"persistent number", number(1) + "Q", "a persistent id has the wrong type"},
      {"attributes", ordered_dict() + "}" + text("__class__") + number(1) + "sb",
       "sets attribute __class__"},
      {"attributes of a tensor", weight(0, {1}, {1}) + "}b", "no dictionary"},
      {"underflow", "R", "stack underflow"},
      {"underflow of a tuple", number(1) + "\x86", "stack underflow"},
      {"no mark", "t", "lacks a mark"},
      {"stray mark", "(", "stray mark"},
      {"mark inside", number(1) + "(\x85", "stray mark"},
      {"odd items", "}(" + number(1) + "u", "no dictionary"},
      {"items without dict", number(1) + number(2) + number(3) + "s", "no dictionary"},
      {"append to a dict", "}" + number(1) + "a", "no list"},
      {"memo", "h\x07", "memo index 7 was never set"},
      {"large memo", ")r\xff\xff\xff\xff", "memo index 4294967295 is too large"},
      {"long text", std::string("X\xff\xff\xff\xff", 5), "ends too early"},
      {"long number", "\x8a\x20" + std::string(32, '\x01'), "a number has 32 bytes"},
      {"left over", number(1) + number(2), "left over"},
      {"protocol", std::string("\x80\x09"), "protocol 9"},
      {"no dictionary", number(1), "holds no dictionary of tensors"},
      {"nothing", dict({}), "holds no tensors"},
      {"name", dict({number(5), weight(0, {12}, {1})}), "a tensor's name is no text"},
      {"name's bytes", dict({text("\xff"), weight(0, {12}, {1})}), "a tensor's name is no text"},
      {"duplicate", dict({text("w"), weight(0, {12}, {1}), text("w"), weight(0, {12}, {1})}),
       "duplicate tensor w"},
  };
  const Scratch scratch;
  for (const Hostile &hostile : cases) {
    SCOPED_TRACE(hostile.what);
    const std::string path = scratch.write("hostile.bin", pickled(hostile.value));
    expect_error(ErrorCategory::Format, {path, hostile.message}, [&] { TorchFile file(path); });
  }
}

TEST(TorchFile, TensorsStayInsideTheirStorage) {
  constexpr int64_t huge = int64_t{1} << 62;
  const auto with = [](const std::string &stored) { return tensor({stored, 0, {12}, {1}}); };
  const std::vector<Hostile> cases = {
      {"offset", weight(1, {3, 4}, {4, 1}), "reaches beyond its storage"},
      {"negative offset", weight(-1, {2}, {1}), "reaches beyond its storage"},
      {"huge offset", weight(huge, {2}, {1}), "reaches beyond its storage"},
      {"stride", weight(0, {3, 4}, {5, 1}), "strides that reach beyond"},
      {"negative stride", weight(4, {2}, {-1}), "strides that reach beyond"},
      {"huge stride", weight(0, {3}, {huge}), "strides that reach beyond"},
      {"sum of strides", weight(0, {2, 2, 2}, {huge, huge, 2}), "strides that reach beyond"},
      {"many elements", weight(0, {1000000}, {0}), "more elements than its storage"},
      {"huge shape", weight(0, {huge, huge}, {1, 1}), "impossible shape"},
      {"huge shape behind zero", weight(0, {0, huge, huge}, {1, 1, 1}), "impossible shape"},
      {"negative size", weight(0, {-3}, {1}), "impossible shape"},
      {"ranks", weight(0, {3, 4}, {1}), "impossible shape"},
      {"too many sizes", weight(0, std::vector<int64_t>(9, 1), std::vector<int64_t>(9, 1)),
       "impossible shape"},
      {"larger storage", with(storage("FloatStorage", "0", 13)),
       "wants 13 stored elements, there are 12"},
      {"wider storage", with(storage("DoubleStorage", "0", 12)), "there are 6"},
      {"negative storage", with(storage("FloatStorage", "0", -1)), "wants -1 stored elements"},
      {"huge storage", with(storage("FloatStorage", "0", huge)), "stored elements"},
      {"missing storage", with(storage("FloatStorage", "7", 12)), "(zip entry data/7)"},
      {"path", with(storage("FloatStorage", "../../etc/passwd", 12)), "has no stored data"},
  };
  const Scratch scratch;
  for (const Hostile &hostile : cases) {
    SCOPED_TRACE(hostile.what);
    const std::string path =
        scratch.write("bounds.bin", pickled(dict({text("the.weight"), hostile.value})));
    expect_error(ErrorCategory::Format, {path, "tensor the.weight", hostile.message},
                 [&] { TorchFile file(path); });
  }
}

/// Containers inside containers: neither depth nor cycles may use up the machine's stack.
TEST(TorchFile, DeepAndCyclicPicklesAreHarmless) {
  const Scratch scratch;
  std::string lists, cycle = "]q\1";
  for (int i = 0; i < 300000; ++i) {
    lists += "]";
    cycle += "h\1a";
  }
  const std::string path = scratch.write("deep.bin", pickled(lists + std::string(299999, 'a')));
  expect_error(ErrorCategory::Format, {path, "no dictionary of tensors"},
               [&] { TorchFile file(path); });
  const std::string tuples =
      scratch.write("tuples.bin", pickled(")" + std::string(300000, '\x85')));
  expect_error(ErrorCategory::Format, {tuples, "no dictionary of tensors"},
               [&] { TorchFile file(tuples); });
  const std::string round = scratch.write("cycle.bin", pickled(cycle));
  expect_error(ErrorCategory::Format, {round, "no dictionary of tensors"},
               [&] { TorchFile file(round); });
  const std::string many = scratch.write("many.bin", pickled(std::string(1500000, ')')));
  expect_error(ErrorCategory::Format, {many, "too many values"}, [&] { TorchFile file(many); });
}

struct BrokenZip {
  const char *what;
  std::string bytes;
  const char *message;
  ErrorCategory category = ErrorCategory::Format;
};

std::string patched(std::string bytes, const std::string &after, size_t offset,
                    const std::string &with) {
  bytes.replace(bytes.rfind(after) + offset, with.size(), with);
  return bytes;
}

TEST(TorchFile, BrokenArchives) {
  const std::string good = pickled(dict({text("w"), weight(0, {12}, {1})}));
  const std::string entry = "PK\1\2", end = "PK\5\6";
  const std::vector<BrokenZip> cases = {
      {"empty", "", "too short"},
      {"no zip", std::string(100, 'x'), "no zip directory"},
      {"old format", "\x80\x02\x8a\x0a" + std::string(200, '\1'), "no zip directory"},
      {"truncated", good.substr(0, good.size() - 30), "no zip directory"},
      {"directory elsewhere", patched(good, end, 16, test::little(5, 4)), "zip directory"},
      {"directory outside", patched(good, end, 16, test::little(0xfffffff0, 4)), "file's end"},
      {"too many entries", patched(good, end, 10, test::little(60000, 2)), "zip directory"},
      {"entry outside", patched(good, entry, 42, test::little(0xffffff, 4)), "file's end"},
      {"entry without header", patched(good, entry, 42, test::little(3, 4)), "has no header"},
      {"size outside",
       patched(patched(good, entry, 24, test::little(1 << 20, 4)), entry, 20,
               test::little(1 << 20, 4)),
       "reaches beyond"},
      {"two sizes", patched(good, entry, 24, test::little(1, 4)), "two sizes"},
      {"compressed", patched(good, entry, 10, test::little(8, 2)), "archive/data/0 is compressed",
       ErrorCategory::Unsupported},
      {"encrypted", patched(good, entry, 8, test::little(1, 2)), "archive/data/0 is encrypted",
       ErrorCategory::Unsupported},
      {"twice", test::zip({{"a/data.pkl", "x"}, {"a/data.pkl", "y"}}), "appears twice"},
      {"overlap", patched(good, entry, 42, test::little(0, 4)), "overlap"},
      {"no pickle", test::zip({{"a/version", "3"}}), "data.pkl is missing"},
      {"big-endian", test::zip({{"a/data.pkl", "."}, {"a/byteorder", "big"}}), "byte order big",
       ErrorCategory::Unsupported},
      {"empty pickle", test::zip({{"a/data.pkl", ""}}), "ends too early"},
  };
  const Scratch scratch;
  for (const BrokenZip &broken : cases) {
    SCOPED_TRACE(broken.what);
    const std::string path = scratch.write("broken.bin", broken.bytes);
    expect_error(broken.category, {path, broken.message}, [&] { TorchFile file(path); });
  }
}

TEST(TorchFile, ByteFlipsNeverCrash) {
  const Scratch scratch;
  const std::string good =
      torch_archive(program(dict({text("a"), weight(0, {3, 4}, {4, 1}), text("b"),
                                  tensor({storage("HalfStorage", "1", 4), 0, {4}, {1}})})),
                    {floats(12), "12345678"}, true);
  int opened = 0, refused = 0;
  test::fuzz(good, 800, [&](const std::string &bytes) {
    const std::string path = scratch.write("flipped.bin", bytes);
    try {
      const TorchFile file(path);
      for (const auto &[name, info] : file.tensors())
        file.load(name, at::kFloat);
      ++opened;
    } catch (const Error &error) {
      EXPECT_NE(std::string(error.what()).find(path), std::string::npos) << error.what();
      ++refused;
    }
  });
  EXPECT_GT(opened, 0);
  EXPECT_GT(refused, 100);
}

} // namespace
} // namespace vlm
