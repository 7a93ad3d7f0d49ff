"""The product's REST API as its OpenAPI documents say: the tables of `reconciler/kinds/api`, and judging by them."""
