"""The checks that LINE makes of a message, by its published reference and apart from `lumo.messaging`, on purpose: the
two are not to share a mistake.
"""
