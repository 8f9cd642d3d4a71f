# draw.sh DIGIT FILE: draws the first picture of DIGIT in a file of download.py.
awk -F, -v digit="$1" '
  $1 == digit {
    for (row = 0; row < 8; row++) {
      line = ""
      for (column = 0; column < 8; column++) {
        pixel = $(2 + 8 * row + column)
        line = line substr(" .:-=+*#%@", 1 + int(pixel * 9 / 16), 1) substr(" .:-=+*#%@", 1 + int(pixel * 9 / 16), 1)
      }
      print "    " line
    }
    exit
  }' "$2"
