{{/* One service as it is meant: `common`, and what its own entry says otherwise. Called with (list $ name). */}}
{{- define "stafett.service" -}}
{{- $root := index . 0 -}}
{{- mustMergeOverwrite (deepCopy $root.Values.common) (index $root.Values.services (index . 1)) | toYaml -}}
{{- end -}}

{{- define "stafett.name" -}}
{{ printf "%s-%s" (index . 0).Release.Name (index . 1) | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{/* All that this release started, whatever service it is. */}}
{{- define "stafett.selectAll" -}}
app.kubernetes.io/part-of: stafett
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "stafett.select" -}}
app.kubernetes.io/name: {{ index . 1 }}
{{ include "stafett.selectAll" (index . 0) }}
{{- end -}}

{{- define "stafett.labels" -}}
{{ include "stafett.selectAll" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "stafett.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* What tools/chart wrote from deploy/kafka. */}}
{{- define "stafett.kafka" -}}
{{ .Files.Get "files/kafka.yaml" | required "files/kafka.yaml is missing; run tools/chart write" }}
{{- end -}}

{{/* Ids of the recipients of all controllers' files, as {"ids": […]}. */}}
{{- define "stafett.recipients" -}}
{{- $ids := list -}}
{{- range $name, $text := .Values.controllers.files -}}
{{- $file := fromYaml $text -}}
{{- if hasKey $file "Error" }}{{ fail (printf "controllers.files: %s: %s" $name $file.Error) }}{{ end -}}
{{- range $file.recipients }}{{ $ids = append $ids .id }}{{ end -}}
{{- end -}}
{{- dict "ids" ($ids | uniq | sortAlpha) | toYaml -}}
{{- end -}}

{{/* What the configuration file of every process has, also of one that nobody calls. Called with (list $ name). */}}
{{- define "stafett.connections" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- $v := $root.Values -}}
{{- dict
  "service" $name
  "mode" $v.mode
  "admin_listen" (printf "0.0.0.0:%d" (int $v.ports.admin))
  "partitions" (include "stafett.kafka" $root | fromYaml).partitions
  "redis" (dict "host" $v.redis.host "port" $v.redis.port "user" $name "password_file" "secrets/redis-password")
  "kafka" (dict "bootstrap" $v.kafka.bootstrap "mechanism" $v.kafka.mechanism "user" (printf "svc-%s" $name)
    "password_file" "secrets/kafka-password") | toYaml -}}
{{- end -}}

{{/* A service's own configuration file; paths are relative to it. services/lib/config/service.h has the keys. */}}
{{- define "stafett.config" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- $service := include "stafett.service" . | fromYaml -}}
{{- $v := $root.Values -}}
{{- $config := mustMerge (include "stafett.connections" . | fromYaml) (dict
  "listen" (printf "0.0.0.0:%d" (int $v.ports.grpc))
  "tokens" (dict "issuer" $v.tokens.issuer "jwks_url" $v.tokens.jwksUrl "audience" $v.tokens.audience)
  "controllers" "controllers"
  "policy" "policy/rules.yaml") -}}
{{- $keys := dict "kek" "kek_file" "identity" "identity_key_file" "alias" "alias_key_file" -}}
{{- range $service.keys -}}
{{- $_ := set $config "keys" (set ($config.keys | default dict) (index $keys .) (printf "secrets/%s" .)) -}}
{{- end -}}
{{- with $service.limits }}{{ $_ := set $config "limits" . }}{{ end -}}
{{- range $service.calls -}}
{{- if not (hasKey $v.services .) }}{{ fail (printf "services.%s.calls: there is no service %s" $name .) }}{{ end -}}
{{- $address := printf "%s:%d" (include "stafett.name" (list $root .)) (int $v.ports.grpc) -}}
{{- $_ := set $config "peers" (set ($config.peers | default dict) . $address) -}}
{{- end -}}
{{- if $service.calls -}}
{{- $url := required "tokens.serviceTokenUrl is empty, and a service calls another" $v.tokens.serviceTokenUrl -}}
{{- $_ := set $config "service_token" (dict "url" $url "client_id" (printf "svc-%s" $name)
  "client_secret_file" "secrets/client-secret") -}}
{{- end -}}
{{- mustMergeOverwrite $config $service.extraConfig | toYaml -}}
{{- end -}}

{{/* The auditor's configuration file: it compares what all services of this release send. */}}
{{- define "stafett.auditor" -}}
{{- $own := dict "services" (keys .Values.services | sortAlpha) "keep_hours" .Values.auditor.keepHours -}}
{{- set (include "stafett.connections" (list $ "auditor") | fromYaml) "auditor" $own | toYaml -}}
{{- end -}}

{{/* Keys of its Secret that a service gets to see, as {"keys": […]}: only those that it needs. */}}
{{- define "stafett.secretKeys" -}}
{{- $service := include "stafett.service" . | fromYaml -}}
{{- $keys := concat (list "redis-password" "kafka-password") $service.keys $service.extraSecretKeys -}}
{{- if $service.calls }}{{ $keys = append $keys "client-secret" }}{{ end -}}
{{- dict "keys" $keys | toYaml -}}
{{- end -}}

{{/* Envoy's configuration: what tools/chart wrote from deploy/envoy, with the values in place of its words. */}}
{{- define "stafett.edge" -}}
{{- $v := .Values -}}
{{- $jwks := urlParse $v.tokens.jwksUrl -}}
{{- $host := regexReplaceAll ":[0-9]+$" $jwks.host "" -}}
{{- $port := regexFind "[0-9]+$" (regexFind ":[0-9]+$" $jwks.host) | default (ternary "443" "80" (eq $jwks.scheme "https")) -}}
{{- $text := .Files.Get "files/edge.yaml" | required "files/edge.yaml is missing; run tools/chart write" -}}
{{- range $name, $_ := $v.services -}}
{{- $text = $text | replace (printf "{host-of-%s}" $name) (include "stafett.name" (list $ $name)) -}}
{{- end -}}
{{- $text = $text
  | replace "{edge-port}" (int $v.edge.port | toString)
  | replace "{admin-port}" (int $v.ports.admin | toString)
  | replace "{grpc-port}" (int $v.ports.grpc | toString)
  | replace "{token-issuer}" $v.tokens.issuer
  | replace "{token-audience}" $v.tokens.audience
  | replace "https://{jwks-host}" $v.tokens.jwksUrl
  | replace "{jwks-host}" $host -}}
{{- with regexFind "\\{[a-z]+(-[a-z]+)+\\}" $text -}}
{{- fail (printf "edge: %s of files/edge.yaml has no value; services has every service that the edge has calls of" .) -}}
{{- end -}}
{{- $config := fromYaml $text -}}
{{- range $cluster := $config.static_resources.clusters -}}
{{- if eq $cluster.name "issuer" -}}
{{- $endpoint := index (index $cluster.load_assignment.endpoints 0).lb_endpoints 0 -}}
{{- $_ := set $endpoint.endpoint.address.socket_address "port_value" $port -}}
{{- if ne $jwks.scheme "https" }}{{ $_ := unset $cluster "transport_socket" }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $config | toYaml -}}
{{- end -}}
