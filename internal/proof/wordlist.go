package proof

import "strings"

// wordlist are the words of Words, in alphabetical order. They are chosen to be
// told apart over a bad line and to offend in no pair: concrete things, no
// homophones, no colours of skin, no parts of the body, nothing of war or creed.
// Its test holds it to the rules that a program can check. A change gives
// open requests other words, which is safe but confuses those on the telephone.
var wordlist = strings.Fields(`
	acorn album almond amber anchor antler arcade arrow artist atlas attic autumn avenue bamboo banjo
	banner barley basket beacon bicycle biscuit blossom bonfire branch bridge bronze broom bubble
	buffalo button cabin cactus camera canyon captain caravan cargo carpet castle cement chapter cheese
	chorus cinema circus cliff clock clover coast coffee compass concert copper cradle crystal cushion
	daisy delta denim dentist diamond dolphin domino doorway dragon duster eagle echo eclipse emerald
	engine evening fabric factory falcon feather fender fiddle figure filter finch firefly flannel flask
	flute forest gadget galaxy gallery garden garlic giraffe glacier granite grape guitar hallway
	harvest helmet herring holiday hornet hotel iceberg igloo insect island ivory jaguar jelly jersey
	jigsaw journal jungle juniper kayak kettle keyhole kiosk kitchen koala ladder lagoon lantern laptop
	laundry lawn lemon leopard letter library lilac linen lizard lobster magnet marble marsh meadow
	melody mercury meteor mirror mitten mosaic museum mustard napkin nectar needle nutmeg nylon oatmeal
	ocean octagon octopus olive onion orbit orchard ostrich outpost oxygen palace pancake parcel pasture
	patio peanut pelican pencil penguin piano picnic pigeon pilot pioneer plaster podium poem popcorn
	potato powder prairie pretzel prism pumpkin puzzle pyramid quartz quill rabbit radar radish raisin
	ribbon river ruby runway salad saucer scarf school scooter seagull shelf shuttle signal sketch sofa
	spider spinach spoon spruce stadium stapler statue stereo stone stream sugar summit sundial swan
	syrup teapot tennis terrace thimble thunder topaz tornado toucan tractor trolley tulip tunnel turtle
	umpire unicorn vanilla vehicle village vinegar violin vitamin volcano voyage waffle walnut whistle
	willow wombat yogurt zebra zigzag`)
