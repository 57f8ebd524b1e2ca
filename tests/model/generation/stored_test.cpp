// SPDX-License-Identifier: LGPL-2.1-or-later
// However an SDXL directory is stored, and wherever it lies, the same pictures come out of it.
#include "model/generation/painter.h"

#include "tests/model/generation/sdxl_case.h"
#include "tests/model/weights/scratch.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>

namespace vlm {
namespace {

using nlohmann::json;
using Tensors = std::vector<std::pair<std::string, at::Tensor>>;

const std::string kUNet = "unet/diffusion_pytorch_model", kEncoder = "text_encoder_2/model";

/// The environment variable while it lives.
class Variable {
public:
  Variable(const char *name, const std::string &value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  ~Variable() { unsetenv(name_); }

private:
  const char *name_;
};

class Stored : public ::testing::Test {
protected:
  Stored() { scratch_.copy(test::data("sdxl/model"), "model"); }

  std::string file(const std::string &name) const { return scratch_.path("model/" + name); }
  Tensors read(const std::string &name) const {
    const SafetensorsFile from(file(name + ".safetensors"));
    Tensors out;
    for (const auto &[tensor, info] : from.tensors())
      out.emplace_back(tensor, from.load(tensor));
    return out;
  }
  void write(const std::string &name, const Tensors &tensors) const {
    write_safetensors(file(name + ".safetensors"), tensors);
  }
  /// Two shards and their index in place of one file.
  void split(const std::string &name, const std::string &variant = "") const {
    const Tensors all = read(name);
    const auto middle = all.begin() + static_cast<ptrdiff_t>(all.size() / 2);
    json map;
    int number = 0;
    for (const Tensors &part : {Tensors(all.begin(), middle), Tensors(middle, all.end())}) {
      const std::string shard = name + variant + "-0000" + std::to_string(++number) + "-of-00002";
      write(shard, part);
      for (const auto &[tensor, values] : part)
        map[tensor] = std::filesystem::path(shard).filename().string() + ".safetensors";
    }
    scratch_.write("model/" + name + ".safetensors.index" + variant + ".json",
                   json{{"metadata", {{"total_size", 1}}}, {"weight_map", map}}.dump());
    std::filesystem::remove(file(name + ".safetensors"));
  }
  static PainterOptions options(const std::string &path) {
    PainterOptions out;
    out.path = path;
    out.precision = "float32";
    return out;
  }
  static PaintRequest request() {
    PaintRequest request;
    request.prompt = "a red bird";
    request.width = request.height = 64;
    request.steps = 2;
    return request;
  }
  static Image paint(const std::string &path) {
    return Painter::open(options(path))->paint(request()).image;
  }
  static const Image &usual() {
    static const Image image = paint(test::data("sdxl/model"));
    return image;
  }
  void expect(ErrorCategory category, const std::vector<std::string> &parts) const {
    test::expect_error(category, parts, [&] { paint(scratch_.path("model")); });
  }

  test::Scratch scratch_;
};

TEST_F(Stored, MixedPrecisionsPaintNearlyTheSame) {
  Tensors unet = read(kUNet);
  for (size_t i = 0; i < unet.size(); i += 2)
    unet[i].second = unet[i].second.to(at::kHalf);
  write(kUNet, unet);
  Tensors encoder = read(kEncoder);
  for (auto &[name, values] : encoder)
    values = values.to(at::kHalf);
  write(kEncoder, encoder);
  const Image image = paint(scratch_.path("model"));
  double squares = 0;
  for (size_t i = 0; i < image.rgb.size(); ++i)
    squares += std::pow(double(image.rgb[i]) - usual().rgb.at(i), 2);
  EXPECT_LT(std::sqrt(squares / double(image.rgb.size())), 2);
  EXPECT_GT(squares, 0);
}

TEST_F(Stored, IntegersAreNoWeights) {
  Tensors unet = read(kUNet);
  unet[3].second = unet[3].second.to(at::kInt);
  write(kUNet, unet);
  expect(ErrorCategory::Format, {kUNet + ".safetensors", unet[3].first, "stored as Int"});
}

TEST_F(Stored, ShardsPaintTheSame) {
  split(kUNet);
  split("vae/diffusion_pytorch_model");
  split("text_encoder/model");
  split(kEncoder, ".fp16");
  EXPECT_EQ(paint(scratch_.path("model")).rgb, usual().rgb);
}

TEST_F(Stored, WhatIsWrongWithShardsIsNamed) {
  split(kUNet);
  const std::string second = kUNet + "-00002-of-00002.safetensors";
  std::filesystem::rename(file(second), file("unet/kept"));
  expect(ErrorCategory::NotFound,
         {kUNet + ".safetensors.index.json", "diffusion_pytorch_model-00002-of-00002.safetensors"});
  std::filesystem::rename(file("unet/kept"), file(second));
  std::filesystem::resize_file(file(second), std::filesystem::file_size(file(second)) - 1);
  expect(ErrorCategory::Format, {second});
  scratch_.write("model/" + kUNet + ".safetensors.index.json", "{}");
  expect(ErrorCategory::Format, {kUNet + ".safetensors.index.json", "weight_map is missing"});
}

TEST_F(Stored, TheEmbeddedPainterPaintsWhenNoneIsNamed) {
  const Variable chosen("GST_VLM_PAINTER", scratch_.path("model"));
  EXPECT_EQ(embedded_painter_path(), scratch_.path("model"));
  EXPECT_EQ(Painter::resolve(options("")).path,
            std::filesystem::canonical(scratch_.path("model")).string());
  const auto painter = Painter::open(options(""));
  EXPECT_EQ(painter->info().name, "model");
  EXPECT_EQ(painter->paint(request()).image.rgb, usual().rgb);
}

TEST_F(Stored, WithoutAnEmbeddedPainterTheErrorSaysWhatToDo) {
  const Variable none("GST_VLM_PAINTER", "");
  try {
    const std::string path = embedded_painter_path();
    EXPECT_TRUE(std::filesystem::exists(path + "/model_index.json")) << path;
  } catch (const Error &error) {
    const std::string text = error.what();
    EXPECT_EQ(error.category(), ErrorCategory::Settings);
    for (const char *part :
         {"no painter is embedded", "diffusers", "GST_VLM_PAINTER", "model/embedded-painter"})
      EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

TEST_F(Stored, RequestsAreCheckedWithoutLoading) {
  Tensors unet = read(kUNet);
  unet[0].second = unet[0].second.clone().fill_(NAN); // loading would fail
  write(kUNet, unet);
  const auto refused = [&](ErrorCategory category, const std::vector<std::string> &parts,
                           const std::function<void(PaintRequest &)> &change) {
    PaintRequest picture = request();
    change(picture);
    test::expect_error(category, parts,
                       [&] { Painter::check(options(scratch_.path("model")), picture); });
  };
  using Category = ErrorCategory;
  EXPECT_NO_THROW(Painter::check(options(scratch_.path("model")), request()));
  refused(Category::Memory, {"32768x32768 needs ", " GB of memory, but only ", " GB are left"},
          [](auto &r) { r.width = r.height = 32768; });
  refused(Category::Settings, {"width", "100"}, [](auto &r) { r.width = 100; });
  refused(Category::Settings, {"steps"}, [](auto &r) { r.steps = 0; });
  refused(Category::Data, {"empty"}, [](auto &r) { r.prompt = " "; });
  EXPECT_NO_THROW(Painter::check(options(scratch_.path("model")), [] {
    PaintRequest unknown = request();
    unknown.prompt = "";
    return unknown;
  }()));
}

} // namespace
} // namespace vlm
