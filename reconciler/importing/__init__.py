"""Import: from a server that exists to the text of an inventory that declares it as it is. Pure: no network, no files.

    live objects -> `entries` (what an inventory says of each) -> `sharing` (defaults and groups) -> `yaml_text`

What is known of a field (how an inventory writes its value, which objects have it, its default in the product) is in
`kinds/`, so a new field is imported without a change here.
"""
