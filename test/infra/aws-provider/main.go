// An AWS provider that never calls AWS. It knows the schema of the real one, refuses what the schema does not allow, and plans and
// applies into the state file alone, with identifiers and ARNs in AWS's forms. So `tofu validate`, `test`, `plan` and `apply` need no
// network and no credentials. What AWS itself would refuse, it does not know.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// In the form of `tofu providers schema -json`, so that it can be compared with the real provider's.
//
//go:embed schema.json
var schemaText []byte

// Allowed values by attribute, from the constants of AWS's SDK.
//
//go:embed enums.json
var enumsText []byte

const address = "registry.opentofu.org/hashicorp/aws"

type attribute struct {
	Type                         json.RawMessage
	Required, Optional, Computed bool
	WriteOnly                    bool `json:"write_only"`
}

type nestedBlock struct {
	NestingMode string `json:"nesting_mode"`
	MinItems    int64  `json:"min_items"`
	MaxItems    int64  `json:"max_items"`
	Block       block
}

type block struct {
	Attributes map[string]attribute
	BlockTypes map[string]nestedBlock `json:"block_types"`
}

type schema struct{ Block block }

type document struct {
	Schemas map[string]struct {
		Provider  schema
		Resources map[string]schema `json:"resource_schemas"`
		Data      map[string]schema `json:"data_source_schemas"`
		Ephemeral map[string]schema `json:"ephemeral_resource_schemas"`
	} `json:"provider_schemas"`
}

var nesting = map[string]tfprotov5.SchemaNestedBlockNestingMode{
	"single": tfprotov5.SchemaNestedBlockNestingModeSingle,
	"list":   tfprotov5.SchemaNestedBlockNestingModeList,
	"set":    tfprotov5.SchemaNestedBlockNestingModeSet,
	"map":    tfprotov5.SchemaNestedBlockNestingModeMap,
}

func protocolBlock(b block) *tfprotov5.SchemaBlock {
	out := &tfprotov5.SchemaBlock{}
	for name, a := range b.Attributes {
		t, err := tftypes.ParseJSONType(a.Type) //nolint:staticcheck // the only public parser of this form
		if err != nil {
			panic(fmt.Sprintf("%s: %v", name, err))
		}
		out.Attributes = append(out.Attributes, &tfprotov5.SchemaAttribute{
			Name: name, Type: t, Required: a.Required, Optional: a.Optional, Computed: a.Computed, WriteOnly: a.WriteOnly,
		})
	}
	for name, n := range b.BlockTypes {
		out.BlockTypes = append(out.BlockTypes, &tfprotov5.SchemaNestedBlock{
			TypeName: name, Nesting: nesting[n.NestingMode], MinItems: n.MinItems, MaxItems: n.MaxItems, Block: protocolBlock(n.Block),
		})
	}
	return out
}

func protocolSchemas(of map[string]schema) map[string]*tfprotov5.Schema {
	out := map[string]*tfprotov5.Schema{}
	for name, s := range of {
		out[name] = &tfprotov5.Schema{Block: protocolBlock(s.Block)}
	}
	return out
}

type provider struct {
	tfprotov5.ProviderServer
	schemas *tfprotov5.GetProviderSchemaResponse
	enums   map[string][]string
	region  string
}

func (p *provider) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	return &tfprotov5.GetMetadataResponse{ServerCapabilities: p.schemas.ServerCapabilities}, nil
}

func (p *provider) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	return p.schemas, nil
}

func (p *provider) GetResourceIdentitySchemas(context.Context, *tfprotov5.GetResourceIdentitySchemasRequest) (*tfprotov5.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov5.GetResourceIdentitySchemasResponse{}, nil
}

func (p *provider) GetFunctions(context.Context, *tfprotov5.GetFunctionsRequest) (*tfprotov5.GetFunctionsResponse, error) {
	return &tfprotov5.GetFunctionsResponse{}, nil
}

func (p *provider) PrepareProviderConfig(_ context.Context, r *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: r.Config}, nil
}

func (p *provider) ConfigureProvider(_ context.Context, r *tfprotov5.ConfigureProviderRequest) (*tfprotov5.ConfigureProviderResponse, error) {
	config, err := r.Config.Unmarshal(p.schemas.Provider.ValueType())
	if err != nil {
		return nil, err
	}
	if region := textsOf(config)["region"]; region != "" {
		p.region = region
	}
	return &tfprotov5.ConfigureProviderResponse{}, nil
}

func (p *provider) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}

// ValidateResourceTypeConfig refuses values of read-only attributes, as the plugin SDK does inside the real provider, and values that
// AWS's lists do not have.
func (p *provider) ValidateResourceTypeConfig(_ context.Context, r *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	of := p.schemas.ResourceSchemas[r.TypeName]
	config, err := r.Config.Unmarshal(of.ValueType())
	if err != nil {
		return nil, err
	}
	out := &tfprotov5.ValidateResourceTypeConfigResponse{}
	refuse := func(at *tftypes.AttributePath, summary, detail string) {
		out.Diagnostics = append(out.Diagnostics, &tfprotov5.Diagnostic{
			Severity: tfprotov5.DiagnosticSeverityError, Summary: summary, Detail: detail, Attribute: at,
		})
	}
	values := map[string]tftypes.Value{}
	if err := config.As(&values); err != nil {
		return nil, err
	}
	for _, a := range of.Block.Attributes {
		if v := values[a.Name]; a.Computed && !a.Optional && v.IsKnown() && !v.IsNull() {
			refuse(tftypes.NewAttributePath().WithAttributeName(a.Name), "Value for unconfigurable attribute", a.Name+" is decided by AWS")
		}
	}
	err = tftypes.Walk(config, func(at *tftypes.AttributePath, v tftypes.Value) (bool, error) {
		allowed := p.enums[r.TypeName+"."+strings.Join(namesOf(at), ".")]
		var got string
		if allowed != nil && v.Type().Is(tftypes.String) && v.IsKnown() && !v.IsNull() && v.As(&got) == nil && !slices.Contains(allowed, got) {
			refuse(at, "Value not in AWS's list", fmt.Sprintf("%q is not one of %v", got, allowed))
		}
		return true, nil
	})
	return out, err
}

func (p *provider) ValidateDataSourceConfig(context.Context, *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	return &tfprotov5.ValidateDataSourceConfigResponse{}, nil
}

func (p *provider) ValidateEphemeralResourceConfig(context.Context, *tfprotov5.ValidateEphemeralResourceConfigRequest) (*tfprotov5.ValidateEphemeralResourceConfigResponse, error) {
	return &tfprotov5.ValidateEphemeralResourceConfigResponse{}, nil
}

// UpgradeResourceState is called although nothing is upgraded: it is how a state is read.
func (p *provider) UpgradeResourceState(_ context.Context, r *tfprotov5.UpgradeResourceStateRequest) (*tfprotov5.UpgradeResourceStateResponse, error) {
	t := p.schemas.ResourceSchemas[r.TypeName].ValueType()
	v, err := r.RawState.Unmarshal(t)
	if err != nil {
		return nil, err
	}
	dynamic, err := tfprotov5.NewDynamicValue(t, v)
	return &tfprotov5.UpgradeResourceStateResponse{UpgradedState: &dynamic}, err
}

func namesOf(path *tftypes.AttributePath) (out []string) {
	for _, step := range path.Steps() {
		if name, ok := step.(tftypes.AttributeName); ok {
			out = append(out, string(name))
		}
	}
	return
}

func attributeAt(b *tfprotov5.SchemaBlock, path []string) *tfprotov5.SchemaAttribute {
	if len(path) == 0 {
		return nil
	}
	for _, a := range b.Attributes {
		if a.Name == path[0] && len(path) == 1 {
			return a
		}
	}
	for _, n := range b.BlockTypes {
		if n.TypeName == path[0] {
			return attributeAt(n.Block, path[1:])
		}
	}
	return nil
}

// fill puts something into every attribute that the provider may fill and that has nothing yet.
func fill(of *tfprotov5.Schema, v tftypes.Value, empty func(tftypes.Value) bool, with func(string, tftypes.Type) tftypes.Value) (tftypes.Value, error) {
	return tftypes.Transform(v, func(at *tftypes.AttributePath, x tftypes.Value) (tftypes.Value, error) {
		names := namesOf(at)
		if a := attributeAt(of.Block, names); a != nil && a.Computed && empty(x) {
			return with(names[len(names)-1], x.Type()), nil
		}
		return x, nil
	})
}

// forget takes out what may be written and never kept.
func forget(of *tfprotov5.Schema, v tftypes.Value) (tftypes.Value, error) {
	return tftypes.Transform(v, func(at *tftypes.AttributePath, x tftypes.Value) (tftypes.Value, error) {
		if a := attributeAt(of.Block, namesOf(at)); a != nil && a.WriteOnly {
			return tftypes.NewValue(x.Type(), nil), nil
		}
		return x, nil
	})
}

// What cannot be changed and makes a new object, for the types about which a test asks.
// Source: the resources' documentation, "Forces new resource".
var forcesNew = map[string][]string{
	"aws_ecs_task_definition": {"family", "container_definitions", "cpu", "memory", "task_role_arn", "execution_role_arn", "volume", "runtime_platform", "network_mode"},
	"aws_ecs_service":         {"name", "cluster", "launch_type"},
	"aws_s3_bucket":           {"bucket"},
	"aws_db_instance":         {"identifier", "db_name", "engine", "storage_encrypted", "kms_key_id", "username", "db_subnet_group_name"},
}

func (p *provider) PlanResourceChange(_ context.Context, r *tfprotov5.PlanResourceChangeRequest) (*tfprotov5.PlanResourceChangeResponse, error) {
	of := p.schemas.ResourceSchemas[r.TypeName]
	t := of.ValueType()
	proposed, err := r.ProposedNewState.Unmarshal(t)
	if err != nil {
		return nil, err
	}
	prior, err := r.PriorState.Unmarshal(t)
	if err != nil || proposed.IsNull() {
		return &tfprotov5.PlanResourceChangeResponse{PlannedState: r.ProposedNewState}, err
	}
	out := &tfprotov5.PlanResourceChangeResponse{}
	if proposed, err = forget(of, proposed); err != nil {
		return nil, err
	}
	if prior.IsNull() {
		unknown := func(_ string, t tftypes.Type) tftypes.Value { return tftypes.NewValue(t, tftypes.UnknownValue) }
		if proposed, err = fill(of, proposed, tftypes.Value.IsNull, unknown); err != nil {
			return nil, err
		}
	} else {
		var before, after map[string]tftypes.Value
		if err := prior.As(&before); err != nil {
			return nil, err
		}
		if err := proposed.As(&after); err != nil {
			return nil, err
		}
		for _, name := range forcesNew[r.TypeName] {
			if !before[name].Equal(after[name]) {
				out.RequiresReplace = append(out.RequiresReplace, tftypes.NewAttributePath().WithAttributeName(name))
			}
		}
	}
	dynamic, err := tfprotov5.NewDynamicValue(t, proposed)
	out.PlannedState = &dynamic
	return out, err
}

func (p *provider) ApplyResourceChange(_ context.Context, r *tfprotov5.ApplyResourceChangeRequest) (*tfprotov5.ApplyResourceChangeResponse, error) {
	of := p.schemas.ResourceSchemas[r.TypeName]
	v, err := r.PlannedState.Unmarshal(of.ValueType())
	if err != nil || v.IsNull() {
		return &tfprotov5.ApplyResourceChangeResponse{NewState: r.PlannedState}, err
	}
	unknown := func(x tftypes.Value) bool { return !x.IsKnown() }
	if v, err = fill(of, v, unknown, p.madeFor(r.TypeName, textsOf(v), rand.Uint64())); err != nil {
		return nil, err
	}
	dynamic, err := tfprotov5.NewDynamicValue(of.ValueType(), v)
	return &tfprotov5.ApplyResourceChangeResponse{NewState: &dynamic}, err
}

func (p *provider) ReadResource(_ context.Context, r *tfprotov5.ReadResourceRequest) (*tfprotov5.ReadResourceResponse, error) {
	return &tfprotov5.ReadResourceResponse{NewState: r.CurrentState}, nil
}

func (p *provider) ReadDataSource(_ context.Context, r *tfprotov5.ReadDataSourceRequest) (*tfprotov5.ReadDataSourceResponse, error) {
	of := p.schemas.DataSourceSchemas[r.TypeName]
	v, err := r.Config.Unmarshal(of.ValueType())
	if err != nil {
		return nil, err
	}
	if v, err = fill(of, v, tftypes.Value.IsNull, p.madeFor(r.TypeName, textsOf(v), hashOf(r.TypeName, v))); err != nil {
		return nil, err
	}
	dynamic, err := tfprotov5.NewDynamicValue(of.ValueType(), v)
	return &tfprotov5.ReadDataSourceResponse{State: &dynamic}, err
}

func (p *provider) OpenEphemeralResource(_ context.Context, r *tfprotov5.OpenEphemeralResourceRequest) (*tfprotov5.OpenEphemeralResourceResponse, error) {
	of := p.schemas.EphemeralResourceSchemas[r.TypeName]
	v, err := r.Config.Unmarshal(of.ValueType())
	if err != nil {
		return nil, err
	}
	if v, err = fill(of, v, tftypes.Value.IsNull, p.madeFor(r.TypeName, textsOf(v), hashOf(r.TypeName, v))); err != nil {
		return nil, err
	}
	dynamic, err := tfprotov5.NewDynamicValue(of.ValueType(), v)
	return &tfprotov5.OpenEphemeralResourceResponse{Result: &dynamic}, err
}

func (p *provider) CloseEphemeralResource(context.Context, *tfprotov5.CloseEphemeralResourceRequest) (*tfprotov5.CloseEphemeralResourceResponse, error) {
	return &tfprotov5.CloseEphemeralResourceResponse{}, nil
}

// textsOf is what a configuration says in plain text at its root.
func textsOf(v tftypes.Value) map[string]string {
	var values map[string]tftypes.Value
	out := map[string]string{}
	if v.As(&values) != nil {
		return out
	}
	for name, x := range values {
		var text string
		if x.Type().Is(tftypes.String) && x.IsKnown() && !x.IsNull() && x.As(&text) == nil {
			out[name] = text
		}
	}
	return out
}

// What is looked up is the same each time it is asked for.
func hashOf(typeName string, v tftypes.Value) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, typeName, v.String())
	return h.Sum64()
}

const account = "111122223333"

// ARN of a type; {x} is attribute x. A type that is not here has one that no real service has.
var arns = map[string]string{
	"aws_cloudwatch_log_group":                    "arn:aws:logs:{region}:111122223333:log-group:{name}",
	"aws_ecr_repository":                          "arn:aws:ecr:{region}:111122223333:repository/{name}",
	"aws_ecs_cluster":                             "arn:aws:ecs:{region}:111122223333:cluster/{name}",
	"aws_ecs_service":                             "arn:aws:ecs:{region}:111122223333:service/{name}",
	"aws_ecs_task_definition":                     "arn:aws:ecs:{region}:111122223333:task-definition/{family}:1",
	"aws_iam_openid_connect_provider":             "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com",
	"aws_iam_role":                                "arn:aws:iam::111122223333:role/{name}",
	"aws_lb":                                      "arn:aws:elasticloadbalancing:{region}:111122223333:loadbalancer/app/{name}/0123456789abcdef",
	"aws_lb_target_group":                         "arn:aws:elasticloadbalancing:{region}:111122223333:targetgroup/{name}/0123456789abcdef",
	"aws_s3_bucket":                               "arn:aws:s3:::{bucket}",
	"aws_secretsmanager_secret":                   "arn:aws:secretsmanager:{region}:111122223333:secret:{name}-AbCdEf",
	"aws_service_discovery_service":               "arn:aws:servicediscovery:{region}:111122223333:service/srv-{id}",
	"aws_ssm_parameter":                           "arn:aws:ssm:{region}:111122223333:parameter{name}",
	"aws_service_discovery_private_dns_namespace": "arn:aws:servicediscovery:{region}:111122223333:namespace/ns-{id}",
}

// Beginning of an identifier.
var prefixes = map[string]string{
	"aws_db_subnet_group": "", "aws_efs_file_system": "fs-", "aws_eip": "eipalloc-", "aws_internet_gateway": "igw-",
	"aws_nat_gateway": "nat-", "aws_route_table": "rtb-", "aws_security_group": "sg-", "aws_subnet": "subnet-", "aws_vpc": "vpc-",
	"aws_service_discovery_private_dns_namespace": "ns-",
}

// What is named by one of its attributes.
var namedBy = map[string]string{"aws_s3_bucket": "bucket", "aws_ecr_repository": "name", "aws_iam_role": "name", "aws_ssm_parameter": "name",
	"aws_db_subnet_group": "name", "aws_db_parameter_group": "name", "aws_cloudwatch_log_group": "name"}

// Answers of data sources and of single attributes, where one of the right type is not enough.
var answers = map[string]string{
	"account_id": account, "region": "{region}", "partition": "aws", "dns_suffix": "amazonaws.com", "dns_name": "lb-1234.{region}.elb.amazonaws.com",
	"address": "db.abcdefghijkl.{region}.rds.amazonaws.com", "zone_id": "Z0123456789ABC", "cidr_block": "10.0.0.0/16",
	"availability_zone": "{region}a", "random_password": "made-up-Passw0rd", "secret_string": `{"username":"dagster","password":"made-up-Passw0rd"}`,
}

func (p *provider) madeFor(typeName string, texts map[string]string, seed uint64) func(string, tftypes.Type) tftypes.Value {
	number := fmt.Sprintf("%017x", seed)
	here := func(text string) string { return strings.ReplaceAll(text, "{region}", p.region) }
	return func(name string, t tftypes.Type) tftypes.Value {
		switch {
		case t.Is(tftypes.String) && name == "arn":
			arn, ok := arns[typeName]
			if !ok {
				arn = "arn:aws:" + typeName + ":{region}:111122223333:{id}"
			}
			for attribute, text := range texts {
				arn = strings.ReplaceAll(arn, "{"+attribute+"}", text)
			}
			return tftypes.NewValue(t, here(strings.ReplaceAll(arn, "{id}", number)))
		case t.Is(tftypes.String) && name == "id" && texts[namedBy[typeName]] != "":
			return tftypes.NewValue(t, texts[namedBy[typeName]])
		case t.Is(tftypes.String) && name == "id" && typeName == "aws_secretsmanager_secret":
			return tftypes.NewValue(t, here(strings.ReplaceAll(arns[typeName], "{name}", texts["name"])))
		case t.Is(tftypes.String) && name == "id":
			return tftypes.NewValue(t, prefixes[typeName]+number)
		case t.Is(tftypes.String) && name == "repository_url":
			return tftypes.NewValue(t, account+".dkr.ecr."+p.region+".amazonaws.com/"+texts["name"])
		case t.Is(tftypes.String) && answers[name] != "":
			return tftypes.NewValue(t, here(answers[name]))
		case t.Is(tftypes.String):
			return tftypes.NewValue(t, name+"-"+number)
		case t.Is(tftypes.Number):
			return tftypes.NewValue(t, int64(1))
		case t.Is(tftypes.Bool):
			return tftypes.NewValue(t, false)
		case t.Is(tftypes.List{ElementType: tftypes.String}) && name == "names":
			zones := []tftypes.Value{}
			for _, letter := range []string{"a", "b", "c"} {
				zones = append(zones, tftypes.NewValue(tftypes.String, p.region+letter))
			}
			return tftypes.NewValue(t, zones)
		case t.Is(tftypes.List{ElementType: tftypes.String}) && name == "ids":
			return tftypes.NewValue(t, []tftypes.Value{
				tftypes.NewValue(tftypes.String, "subnet-"+number), tftypes.NewValue(tftypes.String, "subnet-"+number[1:]),
			})
		}
		return tftypes.NewValue(t, nil)
	}
}

func main() {
	var d document
	if err := json.Unmarshal(schemaText, &d); err != nil {
		panic(err)
	}
	of := d.Schemas[address]
	p := &provider{region: "eu-west-1", schemas: &tfprotov5.GetProviderSchemaResponse{
		ServerCapabilities:       &tfprotov5.ServerCapabilities{GetProviderSchemaOptional: true},
		Provider:                 &tfprotov5.Schema{Block: protocolBlock(of.Provider.Block)},
		ResourceSchemas:          protocolSchemas(of.Resources),
		DataSourceSchemas:        protocolSchemas(of.Data),
		EphemeralResourceSchemas: protocolSchemas(of.Ephemeral),
	}}
	if err := json.Unmarshal(enumsText, &p.enums); err != nil {
		panic(err)
	}
	// With -debug it stays until its input ends, and prints how it is reached: OpenTofu then need not start it for every step of every test.
	var options []tf5server.ServeOpt
	if slices.Contains(os.Args[1:], "-debug") {
		options = append(options, tf5server.WithManagedDebug())
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
	if err := tf5server.Serve(address, func() tfprotov5.ProviderServer { return p }, options...); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
