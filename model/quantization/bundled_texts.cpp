// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/quantization/material.h"

namespace vlm {

// Of many kinds, because channels that one kind of text never uses would be taken for quiet ones.
const std::vector<std::string> &bundled_texts() {
  static const std::vector<std::string> texts = {
      R"(A narrow street climbs between old houses with blue shutters. On the left a woman in a grey coat
carries a basket of oranges; beside her a small brown dog looks back at the camera. Bicycles lean
against the wall under a sign that reads "BAKERY", and warm light falls from the open door. In the
background two men talk in front of a white delivery van. It has rained a short while ago: the
stones shine, and the clouds over the church tower are already breaking up. There are five people in
the picture, three of them partly hidden. Nobody is looking up.)",
      R"(The kitchen table is covered with a checked cloth. Near the window stands a glass jar with
eleven wooden spoons, to its right a bowl of green apples, and in front of it a knife, half a lemon
and an open notebook. The handwriting cannot be read from here, except for the heading, which says
"Monday". A cat with white paws sleeps on one of the two chairs. The clock on the wall shows ten
minutes past four.)",
      R"(User: How many birds are there, and what are they doing?
Assistant: There are seven birds. Four of them sit on the wire, two fly towards the right edge, and
the last one stands on the roof of the red car.
User: Is there a bicycle in the picture?
Assistant: No, I cannot see a bicycle. There is a motorcycle behind the fence, but only its front
wheel is visible.
User: What does the sign say?
Assistant: It says "No parking from 8 am to 6 pm".)",
      R"(Granite forms when magma cools slowly, deep below the surface. The slower it cools, the larger
the crystals grow: quartz, feldspar and mica can then be told apart with the naked eye. Basalt has
almost the opposite history. It pours out at more than 1,100 degrees Celsius, meets air or water, and
hardens within hours, so that its grains are too fine to be seen. Both are made of much the same
elements, chiefly oxygen and silicon; what differs is their proportion and, above all, time.)",
      R"(In 1848 the town counted 3,214 inhabitants, two printers and a single physician. Fifty years
later there were 21,760, and the railway, opened in 1867, employed every ninth of them. The council
had borrowed 480,000 crowns for the waterworks; the debt was repaid in 1911, seven years earlier than
planned, because the price of coal had fallen by 12.5 % and that of land had doubled.)",
      R"("You might have told me," said Clara, and put the letter back where it had lain.
"I might," he answered, "had I known myself. It came this morning." For a while neither of them
spoke. Outside someone was calling a child in for supper; the third time the voice had lost its
patience. She laughed, against her will. "Then we shall go together," she said at last, "and if the
house has fallen down in the meantime, we will at least have seen the sea.")",
      R"(To replace the filter, first switch the pump off and close both valves. Turn the lid
anticlockwise, lift the cartridge out and let it drain. Do not use force: a lid that does not move is
still under pressure. Rinse the housing with clean water, check that the rubber ring lies flat in its
groove, and insert the new cartridge with the arrow pointing up. Open the lower valve a quarter of a
turn, wait until no more bubbles rise, then open both completely.)",
      R"(def moving_average(values, width):
    """Mean of each window of the given width; shorter windows at the start are left out."""
    if width < 1 or width > len(values):
        raise ValueError(f"width is {width}, must be 1 to {len(values)}")
    total = sum(values[:width])
    out = [total / width]
    for i in range(width, len(values)):
        total += values[i] - values[i - width]
        out.append(total / width)
    return out)",
      R"(Why does the sky turn red in the evening? Sunlight holds all colours. On its way through the
air, short waves are scattered far more strongly than long ones, which is why the sky overhead looks
blue. When the sun stands low, its rays cross up to forty times as much air. Nearly all of the blue
has been scattered away before they arrive, and what is left is orange and red. Dust and smoke make
the effect stronger, and clouds give it something to shine on.)",
      R"(The following items were found on the shelf:
- three books about astronomy, one of them in French;
- a tin box with buttons, needles and a measuring tape (150 cm);
- an old camera, model "Favorit II", without its lens cap;
- 2 candles, 1 pair of scissors, 14 postage stamps.
Everything was photographed, numbered from A-01 to A-19, and returned to the owner on 6 March 2019.
Total value: EUR 84.50.)",
      R"(Two teams play on a wet field in front of a nearly empty stand. A player in a yellow shirt has
just kicked the ball; it hangs in the air, slightly blurred, above the penalty spot. The goalkeeper,
dressed in black, leans to his left. The scoreboard shows 2 : 1. Far behind, beyond the trees, the
chimneys of a power station can be seen, and a plane crosses the upper right corner.)",
      R"(The right of the buyer to return the goods ends fourteen days after they were received. The
buyer shall inform the seller in writing; an e-mail is sufficient. The seller shall repay the price,
including the cost of the cheapest ordinary delivery, without undue delay, and in any case not later
than fourteen days after the notice arrived, unless the goods have been damaged by use that goes
beyond what is necessary to examine them.)"};
  return texts;
}

} // namespace vlm
