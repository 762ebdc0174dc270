# Long time-outs, tried at a hundredth: what tests of the gate and of the vault share.
# shellcheck shell=bash

# A configuration of nginx's, its time-outs of a minute and more divided by a hundred.
hundredth() {
  perl -pe 's{(timeout\s+)(\d+)(s|m|h);}{ my $ms = $2 * {s => 10, m => 600, h => 36000}->{$3}; $ms < 600 ? $& : "$1${ms}ms;" }e'
}
