# Part of the lab: push the proxy service, as its management server would.
# The lab's Windows hosts know this script by its text and answer it from their state. It does nothing anywhere else.
param($Arguments)
throw 'This script works on hosts of the lab only.'
