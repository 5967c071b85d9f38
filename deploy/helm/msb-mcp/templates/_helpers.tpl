{{- define "msb-mcp.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "msb-mcp.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "msb-mcp.nodeScheme" -}}
{{- ternary "https" "http" (ne .Values.cluster.tlsSecretName "") -}}
{{- end -}}

{{- /* Where nodes reach each other: with mutual TLS not where clients call. */ -}}
{{- define "msb-mcp.nodePort" -}}
{{- ternary 8001 8000 (ne .Values.cluster.tlsSecretName "") -}}
{{- end -}}

{{- define "msb-mcp.labels" -}}
{{ include "msb-mcp.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}
