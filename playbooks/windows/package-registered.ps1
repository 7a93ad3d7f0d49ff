# Records that a server has registered the proxy of this host. Changes nothing else.
param($Arguments)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$folder = Join-Path (Join-Path $env:ProgramData 'vbo-reconcile') 'packages'
Remove-Item -LiteralPath (Join-Path $folder 'unregistered') -Force -ErrorAction SilentlyContinue
[Console]::Out.WriteLine((@{ registered = $true } | ConvertTo-Json -Compress))
