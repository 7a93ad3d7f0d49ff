# The only PowerShell in a command line, the same for every script and every host: it reads one blob from standard input
# (base64 of JSON in UTF-8: script, args, core), runs the script with the arguments, and converts an error to one line of
# JSON on standard error and exit code 70. Comment lines are removed before it is sent.
# The module of the product needs PowerShell 7: with `core` the blob is passed to pwsh.exe if it is installed, together
# with this bootstrap (`pwsh`), which does the same there.
$ErrorActionPreference='Stop';$ProgressPreference='SilentlyContinue';$WarningPreference='SilentlyContinue'
try{
[Console]::OutputEncoding=New-Object Text.UTF8Encoding $false
$blob=(New-Object IO.StreamReader ([Console]::OpenStandardInput()),([Text.Encoding]::ASCII)).ReadToEnd().Trim()
if(-not $blob){throw 'Nothing came on standard input.'}
$order=[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($blob))|ConvertFrom-Json
if($order.core -and $PSVersionTable.PSVersion.Major -lt 7 -and (Get-Command pwsh.exe -ErrorAction SilentlyContinue)){
$answer=$blob|pwsh.exe -NoProfile -NonInteractive -EncodedCommand $order.pwsh
[Console]::Out.WriteLine(@($answer) -join "`n");exit $LASTEXITCODE}
& ([ScriptBlock]::Create($order.script)) $order.args
exit 0
}catch{
$at='';if($_.InvocationInfo){$at=$_.InvocationInfo.PositionMessage}
$line=@{type=$_.Exception.GetType().FullName;message=$_.Exception.Message;at=$at}|ConvertTo-Json -Compress
[Console]::Error.WriteLine($line);exit 70
}
