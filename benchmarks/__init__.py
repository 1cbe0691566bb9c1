"""`make bench`: the real system between an open-loop load and a stand-in for LINE, measured and compared."""
