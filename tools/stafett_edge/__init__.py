"""The edge: proto/ as REST, and Envoy's configuration for it (deploy/envoy).

One module per thing:
  rules     the google.api.http option of each call: its method, its path, which fields stand where
  config    deploy/envoy as one configuration, with addresses, routes and refusals filled in
  openapi   the OpenAPI document
  process   Envoy in front of the services of a stack
"""
