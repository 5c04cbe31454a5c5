{{- define "candor.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "candor.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains (include "candor.name" .) .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "candor.name" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "candor.selector" -}}
app.kubernetes.io/name: {{ include "candor.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "candor.labels" -}}
{{ include "candor.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: candor
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "candor.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "candor.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "candor.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}

{{- define "candor.claim" -}}
{{- default (include "candor.fullname" .) .Values.persistence.existingClaim -}}
{{- end -}}

{{/* The configuration with what the chart itself decides: where the gateway listens, and how long
     streams may go on: the grace period, less the wait before it and 5 s for the last writes. */}}
{{- define "candor.config" -}}
{{- $drain := sub (sub (int .Values.terminationGracePeriodSeconds) (int .Values.drainSeconds)) 5 -}}
{{- $limits := dict "drain_seconds" (max 1 $drain) -}}
{{- $listen := dict "server" (dict "host" "0.0.0.0" "port" 8080 "limits" $limits) -}}
{{- mustMergeOverwrite (deepCopy .Values.config) $listen | toYaml -}}
{{- end -}}
